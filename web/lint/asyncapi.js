// Compares AsyncAPI documents with the JSON Schema of the AsyncAPI specification
// (https://github.com/asyncapi/spec-json-schemas), and follows their references to files.

import { access, readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import specs from "@asyncapi/specs";
import Ajv from "ajv";

// The specification's schema brings the meta-schema along, and has formats, which Ajv leaves to others.
const ajv = new Ajv({ allErrors: true, meta: false, strict: false, unicodeRegExp: false, validateFormats: false });
const validate = ajv.compile(specs.schemas["3.0.0"]);

for (const file of process.argv.slice(2)) {
  const document = JSON.parse(await readFile(file, "utf8"));
  const faults = validate(document) ? [] : validate.errors.map((fault) => `${fault.instancePath} ${fault.message}`);
  for (const reference of references(document)) {
    const found = reference.startsWith("#") ? points(document, reference) : await exists(file, reference);
    if (!found) faults.push(`${reference} leads nowhere`);
  }
  if (faults.length > 0) {
    process.exitCode = 1;
    console.error(`${file} is no AsyncAPI document:\n${faults.join("\n")}`);
  }
}

function references(node) {
  if (typeof node !== "object" || node === null) return [];
  return Object.entries(node).flatMap(([word, value]) => (word === "$ref" ? [value] : references(value)));
}

function points(document, reference) {
  const names = reference.slice(2).split("/");
  return names.reduce((node, name) => node?.[name.replaceAll("~1", "/").replaceAll("~0", "~")], document) !== undefined;
}

async function exists(file, reference) {
  return access(resolve(dirname(file), reference)).then(() => true, () => false);
}
