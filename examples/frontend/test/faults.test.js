/** Tests of the example page in Chromium when something goes wrong: slow and failed answers, no network, sign-out. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, profile, section, signIn, tab } from "./browser.js";
import { forumWithInvoice, owner } from "./stack.js";

let browser, ada;
before(async () => {
  [browser, ada] = await Promise.all([launch(), owner("Edith")]);
  await forumWithInvoice(ada);
});
after(() => browser?.close());

/** A profile in which she is signed in, for one test. */
async function signedIn(context) {
  const { context: profiled } = await profile(browser);
  context.after(() => profiled.close());
  const page = await tab(profiled);
  await signIn(page, ada.email);
  return { page, context: profiled };
}

/** Answers as the service does, but for what `change` makes of the body. */
async function changed(route, change) {
  const response = await route.fetch();
  await route.fulfill({ response, json: change(await response.json()) });
}

test("a page of raw rows that failed is asked for again", async (context) => {
  const { page } = await signedIn(context);
  let failures = 1;
  await page.route("**/v1/invoices/*/lines/*/**", (route) => {
    const asked = new URL(route.request().url());
    if (!asked.searchParams.has("cursor")) return changed(route, (body) => ({ ...body, next_cursor: "second" }));
    assert.equal(asked.searchParams.get("cursor"), "second");
    if (failures-- > 0) return route.fulfill({ status: 500, json: { detail: "The rows could not be read." } });
    asked.search = "";
    return route.fetch({ url: asked.href }).then((response) => route.fulfill({ response }));
  });
  await section(page, "Invoices");
  await page.getByRole("button", { name: "0000" }).click();
  await page.getByRole("button", { name: "Explain forum", exact: true }).click();
  await page.getByRole("button", { name: "More rows" }).click();
  await page.getByRole("alert").getByText("The rows could not be read.").waitFor();
  assert.equal(await page.getByRole("table", { name: "Raw rows" }).count(), 1);
  await page.getByRole("button", { name: "More rows" }).click();
  await page.getByRole("table", { name: "Raw rows" }).nth(1).waitFor();
  assert.equal(await page.getByRole("button", { name: "More rows" }).count(), 0);
});

test("quantities and money are shown to the last digit", async (context) => {
  const { page } = await signedIn(context);
  await page.route(/\/v1\/invoices\/[^/]+$/, (route) =>
    changed(route, (invoice) => {
      const lines = invoice.lines.map((line) => ({ ...line, quantity: "1234567.891", amount_minor: 123456789012345 }));
      return { ...invoice, lines };
    }),
  );
  await section(page, "Invoices");
  await page.getByRole("button", { name: "0000" }).click();
  await page.getByText("1,234,567.891 ").first().waitFor();
  await page.getByText("€1,234,567,890,123.45").first().waitFor();
});

test("of two people chosen one after the other, the second one's permissions are shown", async (context) => {
  const { page } = await signedIn(context);
  let answerFirst;
  const slow = new Promise((resolve) => (answerFirst = resolve));
  const [bob, cyd] = ["0000000b", "0000000c"].map((part) => `${part}-0000-7000-8000-000000000000`);
  const people = [["Bob", bob], ["Cyd", cyd]];
  await page.route("**/v1/members*", (route) =>
    changed(route, ({ items, ...rest }) => {
      const more = people.map(([display_name, user_id]) => ({ ...items[0], display_name, user_id }));
      return { ...rest, items: [...items, ...more] };
    }),
  );
  const held = (name) => ({ json: { items: [{ name }] } });
  await page.route(`**/v1/principals/*${bob}/**`, async (route) => {
    await slow;
    await route.fulfill(held("bobs.only")).catch(() => undefined);
  });
  await page.route(`**/v1/principals/*${cyd}/**`, (route) => route.fulfill(held("cyds.only")));
  await section(page, "Permissions", "Who may do what");
  const asked = page.waitForRequest((request) => request.url().includes(bob));
  await page.getByLabel("Member").selectOption(`user:${bob}`);
  await asked;
  await page.getByLabel("Member").selectOption(`user:${cyd}`);
  await page.getByText("cyds.only").waitFor();
  answerFirst();
  // What was still to come has come when the page has asked for something after it.
  await page.evaluate(() => fetch("/services.json").then((answer) => answer.text()));
  assert.deepEqual(await page.locator("dt").allTextContents(), ["cyds.only"]);
});

test("back online she is not told any longer that she is offline", async (context) => {
  const { page, context: profiled } = await signedIn(context);
  await profiled.setOffline(true);
  await page.getByText("You are offline.").waitFor();
  await profiled.setOffline(false);
  await page.getByText("You are offline.").waitFor({ state: "detached" });
});

test("signed out in another tab, nothing of hers is left in this one", async (context) => {
  const { page, context: profiled } = await signedIn(context);
  await section(page, "Invoices");
  await page.getByRole("button", { name: "0000" }).waitFor();
  const other = await tab(profiled);
  await other.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  assert.deepEqual(await page.locator("#view, #who").allTextContents(), ["", ""]);
});
