/** Tests of retries: what is sent again, when, and what never is. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { NetworkError } from "@sevenleague/client";
import { type Reply, Service, problem } from "./server.js";

const LIST = "GET /v1/invoices";
const OK: Reply = { status: 200, body: { items: [] } };
const CREATE = "POST /v1/roles";
/** Services take keys of 16 to 255 characters. */
const KEY = "the-role-of-readers";
const ROLE = { body: { name: "Reader", permissions: [] } };

async function service(context: TestContext): Promise<Service> {
  const service = await Service.start();
  context.after(() => service.stop());
  return service;
}

test("what passes by itself is asked again; Retry-After says when", async (context) => {
  const server = await service(context);
  server.on(LIST, [problem(503, "unavailable", { "retry-after": "1" }), problem(429, "slow_down"), OK]);
  const began = performance.now();
  await server.client({ token: "t" }).billing.listInvoices();
  assert.equal(server.to("/v1/invoices").length, 3);
  assert.ok(performance.now() - began >= 1000);
});

test("an answer that breaks off is asked for again", async (context) => {
  const server = await service(context);
  server.on(LIST, [{ ...OK, cut: true }, OK]);
  await server.client({ token: "t" }).billing.listInvoices();
  assert.equal(server.to("/v1/invoices").length, 2);
});

test("what the caller did wrong is not asked again", async (context) => {
  for (const status of [400, 403, 404, 409, 412, 422, 500]) {
    const server = await service(context);
    server.on(LIST, [problem(status, "no"), OK]);
    await assert.rejects(server.client({ token: "t" }).billing.listInvoices(), { status });
    assert.equal(server.to("/v1/invoices").length, 1);
  }
});

test("a POST is sent again only under a key; the caller's, if there is one", async (context) => {
  const server = await service(context);
  const client = server.client({ token: "t" });
  server.on("POST /v1/explain", [problem(503, "unavailable"), OK]);
  await assert.rejects(client.permission.explainPermission({ body: { principal: "user:x", permission: "a.b" } }));
  assert.equal(server.to("/v1/explain").length, 1);

  server.on(CREATE, [problem(503, "unavailable"), { status: 201, body: {}, cut: true }, { status: 201, body: {} }]);
  await client.permission.createRole(ROLE, { idempotencyKey: KEY });
  const keys = server.to("/v1/roles").map(({ headers }) => headers["idempotency-key"]);
  assert.deepEqual(keys, [KEY, KEY, KEY]);
});

test("without a key that is really sent, a POST is sent once", async (context) => {
  const server = await service(context);
  const client = server.client({ token: "t" });
  server.on(CREATE, [problem(503, "unavailable")]);
  for (const idempotencyKey of [null, ""]) {
    await assert.rejects(client.permission.createRole(ROLE, { idempotencyKey }), { status: 503 });
  }
  assert.deepEqual(server.to("/v1/roles").map(({ headers }) => headers["idempotency-key"]), [undefined, undefined]);
  // This operation takes none.
  server.on("POST /v1/explain", [problem(503, "unavailable")]);
  const question = { body: { principal: "user:x", permission: "a.b" } };
  await assert.rejects(client.permission.explainPermission(question, { idempotencyKey: KEY }), { status: 503 });
  assert.deepEqual(server.to("/v1/explain").map(({ headers }) => headers["idempotency-key"]), [undefined]);
});

test("what creates has a key of its own, the same for each attempt", async (context) => {
  const server = await service(context);
  const client = server.client({ token: "t" });
  server.on(CREATE, [{ status: 201, body: {}, cut: true }, { status: 201, body: {} }]);
  await client.permission.createRole(ROLE);
  await client.permission.createRole(ROLE);
  const [lost, repeated, next] = server.to("/v1/roles").map(({ headers }) => headers["idempotency-key"]);
  assert.match(lost as string, /^[0-9a-f-]{36}$/);
  assert.ok(repeated === lost && next !== undefined && next !== lost);
});

test("attempts end", async (context) => {
  const server = await service(context);
  server.on(LIST, [problem(503, "unavailable")]);
  const few = server.client({ token: "t", retry: { attempts: 2 } });
  await assert.rejects(few.billing.listInvoices(), { status: 503 });
  assert.equal(server.to("/v1/invoices").length, 2);
  server.on(LIST, [problem(503, "unavailable", { "retry-after": "3600" })]);
  await assert.rejects(server.client({ token: "t" }).billing.listInvoices(), { status: 503, retryAfter: 3600 });
  assert.equal(server.to("/v1/invoices").length, 3);
});

test("Retry-After may be a date, by the clock of the service", async (context) => {
  const server = await service(context);
  const [date, later] = ["Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:50:07 GMT"];
  server.on(LIST, [problem(503, "unavailable", { date, "retry-after": later })]);
  await assert.rejects(server.client({ token: "t" }).billing.listInvoices(), { retryAfter: 30 });
});

test("nobody there: an error of another class, with an id of the request", async () => {
  const server = await Service.start();
  const client = server.client({ token: "t", retry: { attempts: 2 } });
  await server.stop();
  await assert.rejects(client.billing.listInvoices(), (error) => {
    assert.ok(error instanceof NetworkError && error.requestId.length === 36 && error.cause !== undefined);
    return true;
  });
});

test("a signal ends a call, also while it waits", async (context) => {
  const server = await service(context);
  server.on(LIST, [problem(503, "unavailable", { "retry-after": "15" })]);
  const [abort, reason] = [new AbortController(), new Error("the person went elsewhere")];
  const call = server.client({ token: "t" }).billing.listInvoices({}, { signal: abort.signal });
  setTimeout(() => abort.abort(reason), 100);
  await assert.rejects(call, reason);
  server.on(LIST, () => new Promise(() => undefined));
  await assert.rejects(
    server.client({ token: "t" }).billing.listInvoices({}, { signal: AbortSignal.timeout(100) }),
    { name: "TimeoutError" },
  );
});

test("a signal that ends a wait leaves no timer behind", async (context) => {
  const server = await service(context);
  server.on(LIST, [problem(503, "unavailable", { "retry-after": "15" })]);
  const abort = new AbortController();
  const waits: unknown[] = [];
  const cleared: unknown[] = [];
  const [set, clear] = [globalThis.setTimeout, globalThis.clearTimeout];
  context.mock.method(globalThis, "setTimeout", (work: () => void, ms: number) => {
    const timer = set(work, ms);
    if (ms < 15_000 || ms > 16_000) return timer;
    waits.push(timer);
    setImmediate(() => abort.abort());
    return timer;
  });
  context.mock.method(globalThis, "clearTimeout", (timer: NodeJS.Timeout) => {
    if (waits.includes(timer)) cleared.push(timer);
    clear(timer);
  });
  const call = server.client({ token: "t" }).billing.listInvoices({}, { signal: abort.signal });
  await assert.rejects(call, { name: "AbortError" });
  assert.equal(waits.length, 1);
  assert.deepEqual(cleared, waits);
});
