/** Tests of tabs that share a session: who renews it, and what a tab that hung must not do. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setImmediate as settled } from "node:timers/promises";
import { Browser, type Tab } from "./browser.js";
import { CREDENTIALS, EVE, Service, eventually, gate } from "./server.js";

const REFRESH = "/v1/sessions/refresh";

async function service(context: TestContext): Promise<Service> {
  const service = await Service.start();
  context.after(() => service.stop());
  service.guarded("GET /v1/invoices", { status: 200, body: { items: [] } });
  return service;
}

/** Tabs, in the first of which Ada is signed in; the others have heard of it. */
async function tabs(auth: Service, number: number, keep: "cookie" | "memory" = "cookie"): Promise<[Browser, Tab[]]> {
  const browser = new Browser();
  const tabs = Array.from({ length: number }, () => browser.open(() => auth.client({ keep, retry: { attempts: 1 } })));
  await tabs[0]?.client.signIn(CREDENTIALS);
  await eventually(() => tabs.every(({ client }) => client.session !== null));
  return [browser, tabs];
}

/** The lock is not waited for as long as it would be elsewhere. */
function shortWaits(context: TestContext): void {
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  context.mock.method(AbortSignal, "timeout", (ms: number) => timeout(ms === 10_000 ? 50 : ms));
}

test("many tabs whose token has expired share one refresh", async (context) => {
  const auth = await service(context);
  const [, all] = await tabs(auth, 3);
  auth.valid.clear();
  await Promise.all(all.map(({ client }) => client.billing.listInvoices()));
  assert.equal(auth.to(REFRESH).length, 1);
});

test("all tabs go on in the tenant that one of them switches to", async (context) => {
  const auth = await service(context);
  const [, all] = await tabs(auth, 3);
  await all[1]?.client.switchTenant("u");
  await eventually(() => all.every(({ client }) => client.session?.tenant.id === "u"));
  await Promise.all(all.map(({ client }) => client.billing.listInvoices()));
  assert.equal(auth.to(REFRESH).length, 1);
});

test("a switch that is answered after somebody else has signed in changes nothing", async (context) => {
  shortWaits(context);
  const auth = await service(context);
  const [, all] = await tabs(auth, 2);
  const [asked, answer] = [gate(), gate()];
  auth.on(`POST ${REFRESH}`, async ({ body }) => {
    const reply = auth.refreshed(body);
    asked.open();
    await answer.opened;
    return reply;
  });
  const moved = assert.rejects(all[0]?.client.switchTenant("u") ?? Promise.resolve(), { name: "SessionChangedError" });
  await asked.opened;
  await all[1]?.client.signIn(EVE);
  await eventually(() => all.every(({ client }) => client.session?.user.email === EVE.email));
  answer.open();
  await moved;
  assert.ok(all.every(({ client }) => client.session?.user.email === EVE.email));
});

test("a new tab in memory mode has the session of another, which answers in time only", async (context) => {
  const auth = await service(context);
  const [browser, [ada]] = await tabs(auth, 1, "memory");
  const other = browser.open(() => auth.client());
  assert.equal((await other.client.restore())?.user.email, CREDENTIALS.email);
  for (const tab of [ada, other]) tab?.hang();
  const late = browser.open(() => auth.client()).client;
  assert.equal(await late.restore(), null);
  await late.signIn(EVE);
  await late.signOut();
  for (const tab of [ada, other]) tab?.wake();
  // Their answers to the question of then are under way, and have come.
  await settled();
  await settled();
  assert.equal(late.session, null);
});

test("a tab that hangs with the lock stops the others for a while only", async (context) => {
  shortWaits(context);
  const auth = await service(context);
  const [browser, [, tab]] = await tabs(auth, 2);
  browser.holdLock();
  auth.valid.clear();
  await tab?.client.billing.listInvoices();
  assert.equal(auth.to(REFRESH).length, 1);
});

test("while auth hangs, tabs do not wait for each other's failures", async (context) => {
  shortWaits(context);
  const auth = await service(context);
  const [, all] = await tabs(auth, 3);
  auth.valid.clear();
  const { opened, open } = gate();
  auth.on(`POST ${REFRESH}`, async ({ body }) => {
    // Each is answered when all have asked: the later ones have not waited for the first one's end.
    if (auth.to(REFRESH).length === all.length) open();
    await opened;
    return auth.refreshed(body);
  });
  await Promise.all(all.map(({ client }) => client.billing.listInvoices()));
});

test("a refresh whose answer comes after she signed out in another tab brings nobody back", async (context) => {
  const auth = await service(context);
  const [, [one, two]] = await tabs(auth, 2);
  assert.ok(one && two);
  const { opened, open } = gate();
  auth.on(`POST ${REFRESH}`, async ({ body }) => {
    const answer = auth.refreshed(body);
    await opened;
    return answer;
  });
  auth.on("GET /v1/me", ({ headers }) => ({ status: headers.authorization === "Bearer access-1" ? 401 : 200 }));
  const call = one.client.auth.getMe();
  await eventually(() => auth.to(REFRESH).length === 1);
  await two.client.signOut();
  await eventually(() => one.client.session === null);
  const heard: unknown[] = [];
  for (const { client } of [one, two]) client.onSession((session) => heard.push(session));
  open();
  await assert.rejects(call, { status: 401 });
  await settled();
  assert.deepEqual([one.client.session, two.client.session, heard], [null, null, []]);
});

test("a call that Ada began is not finished as Eve, who signed in in another tab", async (context) => {
  const auth = await service(context);
  const [, [one, two]] = await tabs(auth, 2);
  assert.ok(one && two);
  auth.on("POST /v1/roles", async () => {
    auth.guarded("POST /v1/roles", { status: 201, body: {} });
    await two.client.signOut();
    await two.client.signIn(EVE);
    await eventually(() => one.client.session?.user.email === EVE.email);
    return { status: 401, body: {} };
  });
  await assert.rejects(one.client.permission.createRole({ body: { name: "r", permissions: [] } }), { status: 401 });
  assert.equal(auth.to("/v1/roles").length, 1);
});
