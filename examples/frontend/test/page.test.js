/** Tests of the example page in Chromium, on an origin of its own, with real services. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { launch, picture, profile, section, signIn, tab } from "./browser.js";
import { PAGE, eventually, forumWithInvoice, owner, refreshes, urls } from "./stack.js";

/** When an access token has expired for the page, and when it is refused, with the leeway of whoever verifies it. */
const [OLD, EXPIRED] = [10_500, 16_000];

let browser, ada, forum;
before(async () => {
  [browser, ada] = await Promise.all([launch(), owner("Ada")]);
  forum = await forumWithInvoice(ada);
});
after(() => browser?.close());

/** A profile in which Ada is signed in, for one test. */
async function signedIn(context, options) {
  const { context: profiled, violations } = await profile(browser, options);
  context.after(() => profiled.close());
  const page = await tab(profiled);
  await signIn(page, ada.email);
  return { page, context: profiled, violations };
}

test("she signs in from another origin and sees members, permissions, instances and invoices", async (context) => {
  const { page, context: profiled, violations } = await signedIn(context);
  assert.notEqual(new URL(page.url()).origin, new URL(urls.auth).origin);
  await page.getByRole("cell", { name: ada.email }).waitFor();
  await picture(page, "members");
  await section(page, "Permissions", "Who may do what");
  await page.getByText("billing.readInvoices").waitFor();
  await picture(page, "permissions");
  await section(page, "Services");
  await page.getByRole("row", { name: forum.host }).getByText("active").waitFor();
  const { hostname, protocol } = new URL(await page.getByRole("link", { name: forum.host }).getAttribute("href"));
  assert.deepEqual([protocol, hostname], ["http:", forum.host]);
  await picture(page, "services");
  await section(page, "Invoices");
  await page.getByRole("button", { name: "0000" }).click();
  await page.getByRole("button", { name: "Explain forum", exact: true }).click();
  await page.getByText("The raw rows add up to the line.").waitFor();
  await picture(page, "invoices");

  const [cookie] = await profiled.cookies(`${urls.auth}/v1/sessions`);
  assert.deepEqual([cookie.httpOnly, cookie.sameSite], [true, "Lax"]);
  const stored = await page.evaluate(() => localStorage.length + sessionStorage.length + document.cookie.length);
  assert.equal(stored, 0);
  await page.reload();
  await page.getByRole("heading", { name: "Invoices" }).waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.reload();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await picture(page, "sign-in");
  assert.deepEqual(violations, []);
});

test("on a telephone nothing is wider than the screen", async (context) => {
  const { page } = await signedIn(context, { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
  for (const [link, heading] of [["Members"], ["Permissions", "Who may do what"], ["Services"], ["Invoices"]]) {
    await section(page, link, heading);
    const [content, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(content <= screen, `${link}: ${content} > ${screen}`);
    await picture(page, `phone-${link.toLowerCase()}`);
  }
});

test("every field has a label, and a fault is told at its field, which has the focus", async (context) => {
  const { page } = await signedIn(context);
  const unlabelled = () => [...document.querySelectorAll("input, select")].filter((input) => !input.labels?.length);
  assert.equal((await page.evaluate(unlabelled)).length, 0);
  const address = page.getByRole("textbox", { name: "E-mail address" });
  await address.fill("nobody");
  await page.keyboard.press("Enter");
  await page.getByText("must be an e-mail address").waitFor();
  assert.equal(await address.getAttribute("aria-invalid"), "true");
  assert.equal(await address.evaluate((input) => input === document.activeElement), true);
  const described = (input) => document.getElementById(input.getAttribute("aria-describedby")).textContent;
  assert.match(await address.evaluate(described), /must be an e-mail address/);
  await picture(page, "fault");
});

test("two tabs that find the token old at the same time share one refresh", async (context) => {
  const { page, context: profiled } = await signedIn(context);
  const other = await tab(profiled, "#services");
  await other.getByRole("heading", { name: "Services" }).waitFor();
  await sleep(OLD);
  const before = await refreshes();
  await Promise.all([section(page, "Invoices"), section(other, "Permissions", "Who may do what")]);
  assert.equal((await refreshes()) - before, 1);
  await page.getByRole("button", { name: "Sign out" }).click();
  await other.getByRole("heading", { name: "Sign in" }).waitFor();
});

test("a token that expires while she types costs her nothing, even if her clock stands still", async (context) => {
  const { page } = await signedIn(context);
  await page.clock.setFixedTime(new Date());
  await page.getByRole("textbox", { name: "E-mail address" }).fill("bob-late@acme.test");
  await sleep(EXPIRED);
  const refused = page.waitForResponse((response) => response.status() === 401);
  await page.getByRole("button", { name: "Invite" }).click();
  await page.getByText("bob-late@acme.test is invited.").waitFor();
  assert.match((await (await refused).json()).code, /^token_expired$/);
  await page.getByRole("cell", { name: "bob-late@acme.test" }).waitFor();
});

test("a session that ends while she types asks her in again, and what she typed is still there", async (context) => {
  const { page } = await signedIn(context);
  await page.getByRole("textbox", { name: "E-mail address" }).fill("bob-again@acme.test");
  await endSessions();
  await page.getByRole("button", { name: "Invite" }).click();
  await page.getByText("Your session has ended.").waitFor();
  await picture(page, "ended");
  await signIn(page, ada.email);
  const address = page.getByRole("textbox", { name: "E-mail address" });
  assert.equal(await address.inputValue(), "bob-again@acme.test");
  await page.getByRole("button", { name: "Invite" }).click();
  await page.getByText("bob-again@acme.test is invited.").waitFor();
});

test("a session that was revoked is over at the next click, in all tabs", async (context) => {
  const { page, context: profiled } = await signedIn(context);
  const other = await tab(profiled);
  await endSessions();
  await page.getByRole("link", { name: "Invoices" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await other.getByRole("heading", { name: "Sign in" }).waitFor();
  await signIn(page, ada.email);
  await page.getByRole("heading", { level: 1, name: "Invoices" }).waitFor();
  await other.getByRole("heading", { level: 1, name: "Members" }).waitFor();
});

test("offline she is told so and stays signed in; back online the page goes on by itself", async (context) => {
  const { page, context: profiled } = await signedIn(context);
  await profiled.setOffline(true);
  await page.getByRole("link", { name: "Services" }).click();
  await page.getByRole("alert").getByText("could not be reached").waitFor();
  await picture(page, "offline");
  await profiled.setOffline(false);
  await page.getByRole("heading", { name: "Services" }).waitFor();
  assert.equal(await page.getByRole("alert").textContent(), "");
});

test("the policy lets the page reach the services and nothing else", async (context) => {
  const { page, violations } = await signedIn(context);
  const { headers } = await fetch(PAGE);
  assert.match(headers.get("content-security-policy"), /^default-src 'none'; script-src 'self'; style-src 'self';/);
  await page.evaluate((url) => fetch(url).catch(() => undefined), urls.forum);
  await eventually("the violation", () => violations.length > 0);
  assert.match(violations[0], /^connect-src /);
});

/** Ends all sessions of Ada in browsers, as somebody does who lost a device. */
async function endSessions() {
  const { session_id } = ada.client.session;
  for await (const { id } of ada.client.auth.listSessions.all()) {
    if (id !== session_id) await ada.client.auth.endSession({ path: { id } });
  }
}
