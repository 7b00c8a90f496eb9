/** Chromium with the example page: contexts of their own, what broke the page's policy, and pictures. */
import { existsSync, mkdirSync } from "node:fs";
import { chromium } from "playwright-core";
import { PAGE, PASSWORD } from "./stack.js";

const PROGRAMS = ["chromium", "google-chrome", "chromium-browser"].map((name) => `/usr/bin/${name}`);
const PICTURES = new URL("../screenshots/", import.meta.url).pathname;

export const launch = () =>
  chromium.launch({ executablePath: PROGRAMS.find(existsSync), args: ["--no-sandbox", "--disable-dev-shm-usage"] });

/** A profile of its own; `violations` collects what the browser refuses for the page's policy. */
export async function profile(browser, options = {}) {
  const context = await browser.newContext({ locale: "en-GB", timezoneId: "UTC", ...options });
  const violations = [];
  await context.exposeFunction("violated", (what) => violations.push(what));
  await context.addInitScript(() =>
    addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
      globalThis.violated(`${violatedDirective} ${blockedURI}`),
    ),
  );
  context.setDefaultTimeout(20_000);
  return { context, violations };
}

/** A tab in which the page has made out who is signed in. */
export async function tab(context, section = "") {
  const page = await context.newPage();
  await page.goto(`${PAGE}/${section}`);
  await page.locator("#sign-in:not([hidden]), #app:not([hidden])").waitFor();
  return page;
}

export async function signIn(page, email) {
  const form = page.locator("#sign-in form");
  await form.getByLabel("E-mail address").fill(email);
  await form.getByLabel("Password").fill(PASSWORD);
  await form.getByRole("button", { name: "Sign in" }).click();
  await page.locator("#view h1").waitFor();
}

/** Goes to a section by its link, and waits until it is there. */
export async function section(page, link, heading = link) {
  await page.getByRole("link", { name: link }).click();
  await page.getByRole("heading", { level: 1, name: heading }).waitFor();
}

export async function picture(page, name) {
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: `${PICTURES}${name}.png`, fullPage: true });
}
