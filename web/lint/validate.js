// Compares OpenAPI documents with the JSON Schema of the OpenAPI specification (https://spec.openapis.org/oas/3.1/schema).

import { readFile } from "node:fs/promises";
import { Validator } from "@seriousme/openapi-schema-validator";

for (const file of process.argv.slice(2)) {
  const { valid, errors } = await new Validator().validate(JSON.parse(await readFile(file, "utf8")));
  if (!valid) {
    process.exitCode = 1;
    const faults = typeof errors === "string" ? [errors] : errors.map((fault) => `${fault.instancePath} ${fault.message}`);
    console.error(`${file} is no OpenAPI document:\n${faults.join("\n")}`);
  }
}
