/** Tests of the client on the real services: sign-in, refresh, pages, problems, retries. */
import assert from "node:assert/strict";
import { createServer, connect } from "node:net";
import { before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { NetworkError, ProblemError } from "@sevenleague/client";
import { PASSWORD, owner, program, refreshes, urls } from "./stack.js";

/** Longer than an access token lives here, with the leeway of whoever verifies it. */
const EXPIRED = 16_000;

let grace;
before(async () => {
  grace = await owner("Grace");
});

test("a wrong password is refused, the right one gives a session", async () => {
  const client = program();
  const refused = client.signIn({ email: grace.email, password: "not hers at all, ever" });
  await assert.rejects(refused, { name: "ProblemError", status: 401, code: "credentials_wrong" });
  const session = await client.signIn({ email: grace.email, password: PASSWORD });
  assert.equal(session.user.email, grace.email);
  const { user } = await client.auth.getMe();
  assert.equal(user.email, grace.email);
  await client.signOut();
  await assert.rejects(client.auth.getMe(), { status: 401, code: "token_missing" });
});

test("a session outlives its access tokens, with one refresh for all who call", async () => {
  const client = program();
  await client.signIn({ email: grace.email, password: PASSWORD });
  await sleep(EXPIRED);
  const before = await refreshes();
  const services = [client.auth.getMe, client.billing.getUsage, client.configurator.listServices];
  await Promise.all(services.map((call) => call()));
  assert.equal((await refreshes()) - before, 1);
});

test("a list comes whole, page by page", async () => {
  const { client } = grace;
  const names = ["clerk", "packer", "reader"];
  const permissions = ["billing.readInvoices"];
  for (const name of names) await client.permission.createRole({ body: { name, permissions } });
  const found = [];
  for await (const role of client.permission.listRoles.all({ query: { limit: 1 } })) found.push(role.name);
  assert.deepEqual(names.filter((name) => !found.includes(name)), []);
});

test("a refusal says which field is wrong, and by which id it is found", async () => {
  const body = { service: "forum", host: "not a host", modules: [] };
  const answer = grace.client.configurator.createInstance({ body });
  await assert.rejects(answer, (error) => {
    assert.ok(error instanceof ProblemError && error.status === 422 && error.requestId);
    assert.deepEqual(error.errors.map(({ field }) => field), ["host"]);
    return true;
  });
  const missing = grace.client.billing.getInvoice({ path: { id: "01890a5d-ac96-774b-bcce-b302099a8057" } });
  await assert.rejects(missing, { status: 404 });
});

test("what is created is created once, though its answer is lost", async (context) => {
  const broken = await breaking(urls.permission, 1, { after: "answer" });
  context.after(() => broken.close());
  const client = program({ urls: { ...urls, permission: broken.url } });
  await client.signIn({ email: grace.email, password: PASSWORD });
  const body = { name: "keeper", permissions: ["billing.readUsage"] };
  const { status, headers } = await client.permission.createRole.answer({ body });
  assert.deepEqual([status, headers.get("Idempotency-Replayed"), broken.connections], [201, "true", 2]);
  const roles = [];
  for await (const { name } of grace.client.permission.listRoles.all()) roles.push(name);
  assert.equal(roles.filter((name) => name === body.name).length, 1);
});

test("connections that break are made again, for what may be repeated", async (context) => {
  const broken = await breaking(urls.configurator, 2, { after: "request" });
  context.after(() => broken.close());
  const client = program({ urls: { ...urls, configurator: broken.url } });
  await client.signIn({ email: grace.email, password: PASSWORD });
  const { items } = await client.configurator.listServices();
  assert.ok(items.length > 0);
  assert.equal(broken.connections, 3);

  const hopeless = program({ urls: { ...urls, configurator: "http://127.0.0.1:9" }, retry: { attempts: 2 } });
  await hopeless.signIn({ email: grace.email, password: PASSWORD });
  await assert.rejects(hopeless.configurator.listServices(), NetworkError);
});

/** A way to a service of which the first `times` connections break: `after` its request came, or was answered. */
async function breaking(url, times, { after }) {
  const { hostname, port } = new URL(url);
  const link = { connections: 0, url: "", close: () => server.close() };
  const server = createServer((near) => {
    link.connections += 1;
    const breaks = link.connections <= times;
    near.on("error", () => near.destroy());
    if (breaks && after === "request") return near.once("data", () => near.destroy());
    const far = connect(Number(port), hostname);
    far.on("error", () => near.destroy());
    near.pipe(far);
    if (breaks) far.once("data", () => near.destroy());
    else far.pipe(near);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  link.url = `http://127.0.0.1:${server.address().port}`;
  return link;
}
