/** Test of docs/for-frontends.md: its page, made of the blocks that it shows. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { build } from "esbuild";
import { launch, profile } from "./browser.js";
import { PASSWORD, forumWithInvoice, owner, urls } from "./stack.js";

const ORIGIN = "http://localhost:5173";
const MOST_LINES = 20;
const guide = await readFile(new URL("../../../docs/for-frontends.md", import.meta.url), "utf8");
const block = (kind) => guide.match(new RegExp(`\`\`\`${kind}\n(.*?)\`\`\``, "s"))[1];
const [html, script] = [block("html"), block("js")];

let browser, ada;
before(async () => {
  [browser, ada] = await Promise.all([launch(), owner("Joan")]);
  await forumWithInvoice(ada);
});
after(() => browser?.close());

test("the page of the guide lists invoices, in fewer lines than it promises", async (context) => {
  assert.ok((html + script).trim().split("\n").length < MOST_LINES);
  const { context: profiled } = await profile(browser);
  context.after(() => profiled.close());
  await serve(profiled);
  // Chromium cannot know that this page is from this machine, too, and asks before it lets a page reach it.
  await profiled.grantPermissions(["local-network-access"], { origin: ORIGIN });
  const page = await profiled.newPage();
  await page.goto(ORIGIN);
  await page.getByLabel("Address").fill(ada.email);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText(/^\s*\d{8}: \d+(\.\d+)? EUR/m).waitFor();
  await page.reload();
  await page.getByText(/^\s*\d{8}: \d+(\.\d+)? EUR/m).waitFor();
});

/** Answers for the server that the guide starts, with this stack's ports in place of the documented ones. */
async function serve(profiled) {
  const here = { "http://localhost:8001": urls.auth, "http://localhost:8003": urls.billing };
  let contents = script;
  for (const [documented, url] of Object.entries(here)) {
    assert.ok(contents.includes(documented));
    contents = contents.replace(documented, url.replace("127.0.0.1", "localhost"));
  }
  const stdin = { contents, resolveDir: new URL(".", import.meta.url).pathname };
  const { outputFiles } = await build({ stdin, bundle: true, format: "esm", write: false });
  const files = { "/": ["text/html", html], "/out/main.js": ["text/javascript", outputFiles[0].text] };
  await profiled.route(`${ORIGIN}/**`, (route) => {
    const [contentType, body] = files[new URL(route.request().url()).pathname] ?? [];
    return body ? route.fulfill({ contentType, body }) : route.fulfill({ status: 404 });
  });
}
