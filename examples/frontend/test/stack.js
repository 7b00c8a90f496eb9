/** The stack that the tests run on, and the people they play. */
import { readFile } from "node:fs/promises";
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@sevenleague/client";

/** As `cargo xtask frontend` and `cargo xtask up` write it. */
const state = JSON.parse(await readFile(process.env.STATE, "utf8"));
const PATIENCE = 60_000;

export const PAGE = state.frontend;
export const PASSWORD = "nine lanterns over the harbour";
export const urls = Object.fromEntries(Object.entries(state.services).map(([name, { url }]) => [name, url]));
/** Told apart from those of other runs on the same stack. */
const tag = Math.random().toString(36).slice(2, 8);

/** What `ask` gives as soon as that is something. */
export async function eventually(what, ask) {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${PATIENCE / 1000} s in vain for ${what}`);
    await sleep(50);
  }
}

/** A client in this process, as a program has it. */
export const program = (options = {}) => createClient({ urls, keep: "memory", ...options });

export async function operator() {
  const client = program();
  await client.signIn({ email: state.operator.email, password: state.operator.password });
  return client;
}

/** Somebody with a tenant of their own, whose address is confirmed and whose permissions have arrived. */
export async function owner(name) {
  const email = `${name.toLowerCase()}-${tag}@acme.test`;
  const client = program();
  const registration = { email, password: PASSWORD, display_name: name, tenant_name: `Kettles of ${name} ${tag}` };
  await client.auth.registerUser({ body: registration });
  const [, token] = await eventually(`the mail to ${email}`, () => verification(email));
  await client.auth.verifyEmail({ path: { token }, body: { password: PASSWORD } });
  await client.signIn({ email, password: PASSWORD });
  await eventually("the owner's permissions", async () => {
    const { permissions } = await client.permission.listMyPermissions();
    return permissions.includes("billing.readInvoices") && permissions.includes("configurator.writeInstances");
  });
  return { client, email, tenant: client.session.tenant };
}

async function verification(email) {
  const { AWS_ENDPOINT_URL: endpoint, AWS_ACCOUNT_ID: account } = state.aws;
  const answer = await fetch(`${endpoint}/_ministack/ses/messages?account=${account}`);
  const sent = (await answer.json()).messages[account] ?? [];
  const mail = sent.find(({ To }) => To.some((to) => to.includes(email)));
  return mail?.BodyText.match(/\/v1\/email-verifications\/([\w-]+)/);
}

/** Gives a tenant a forum that runs, and an invoice for it. */
export async function forumWithInvoice({ client, tenant }) {
  const host = `kettles-${tag}.forum.localhost`;
  const { id } = await client.configurator.createInstance({ body: { service: "forum", host, modules: ["polls"] } });
  const reached = (wanted) =>
    eventually(`the instance to be ${wanted}`, async () => {
      const instance = await client.configurator.getInstance({ path: { id } });
      return instance.state === wanted && instance;
    });
  const { setup_code } = await reached("awaiting_setup");
  await submit(host, { setup_code, title: "Kettles", welcome: "Welcome", sample_posts: "1" });
  await reached("active");
  const { features } = await eventually("the forum's usage", async () => {
    const usage = await client.billing.getUsage();
    return usage.features.length === 2 && usage;
  });
  const clerk = await operator();
  const query = { tenant_id: tenant.id, state: "open" };
  const { items } = await clerk.billing.listCycles({ query });
  await clerk.billing.closeCycle({ path: { id: items[0].id } });
  return { host, features };
}

/** Fills in the setup form of a host; `fetch` would not let us say which host. */
async function submit(host, fields) {
  const { hostname, port } = new URL(urls.forum);
  const headers = { host, "content-type": "application/x-www-form-urlencoded" };
  const { promise, resolve, reject } = outcome();
  const call = request({ hostname, port, path: "/setup", method: "POST", headers }, resolve);
  call.on("error", reject).end(new URLSearchParams(fields).toString());
  const { statusCode } = (await promise).resume();
  if (statusCode !== 303) throw new Error(`the setup form was answered ${statusCode}`);
}

function outcome() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}

const REFRESH = /^http_requests_total\{.*method="POST".*route="\/v1\/sessions\/refresh".*\} (\d+)$/gm;

/** How often auth has answered a refresh. */
export async function refreshes() {
  const metrics = await (await fetch(`${state.services.auth.ops_url}/metrics`)).text();
  return [...metrics.matchAll(REFRESH)].reduce((sum, [, count]) => sum + Number(count), 0);
}
