/** Tests of what must not be sent, where a request goes, and answers that are not as documented. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Client, NetworkError, ProblemError, createClient } from "@sevenleague/client";
import { withGlobals } from "./browser.js";
import { CREDENTIALS, type Reply, Service, collect, problem } from "./server.js";

const LIST = "GET /v1/invoices";

async function service(context: TestContext): Promise<Service> {
  const service = await Service.start();
  context.after(() => service.stop());
  return service;
}

/** The error that a call with this answer ends with. */
async function refusal(server: Service, reply: Reply): Promise<ProblemError> {
  server.on(LIST, [reply]);
  const error = await server.client({ token: "t" }).billing.listInvoices().catch((error: unknown) => error);
  assert.ok(error instanceof ProblemError);
  return error;
}

test("a path parameter that leads elsewhere, or is missing, is sent nowhere", async (context) => {
  const server = await service(context);
  const { permission } = server.client({ token: "t" });
  for (const id of ["..", ".", "", undefined, null, {}, "\ud800"]) {
    await assert.rejects(permission.revokeGrant({ path: { id: id as string } }), { name: "TypeError", message: /id/ });
  }
  await assert.rejects(permission.revokeGrant({} as never), TypeError);
  assert.equal(server.seen.length, 0);
  server.on("DELETE /v1/grants/...", [{ status: 204 }]);
  await permission.revokeGrant({ path: { id: "..." } });
});

test("a body or a header that cannot be sent is the caller's fault at once", async (context) => {
  const server = await service(context);
  let asked = 0;
  const fetches = (...request: Parameters<typeof fetch>) => ((asked += 1), fetch(...request));
  const client = server.client({ token: () => "t", fetch: fetches });
  const cycle: { name: string; permissions: string[]; self?: unknown } = { name: "r", permissions: [] };
  cycle.self = cycle;
  await assert.rejects(client.permission.createRole({ body: cycle }), TypeError);
  const role = { body: { name: "r", permissions: [] } };
  await assert.rejects(client.permission.createRole(role, { idempotencyKey: "one line\nand another" }), TypeError);
  const edit = { path: { id: "r" }, header: { "If-Match": "a\r\nb" }, ...role };
  await assert.rejects(client.permission.editRole(edit), TypeError);
  await assert.rejects(server.client({ token: "a\nb", fetch: fetches }).billing.listInvoices(), TypeError);
  assert.equal(asked, 0);
});

test("a redirect is not followed, and not asked for again", async (context) => {
  const [server, elsewhere] = [await service(context), await service(context)];
  const to = (path: string) => [{ status: 307, headers: { location: elsewhere.url + path } }];
  server.on("POST /v1/sessions", to("/v1/sessions"));
  server.on(LIST, to("/v1/invoices"));
  const redirected = { name: "NetworkError", message: /redirect/ };
  await assert.rejects(server.client().signIn(CREDENTIALS), redirected);
  await assert.rejects(server.client({ token: "t" }).billing.listInvoices(), redirected);
  assert.deepEqual([server.seen.length, elsewhere.seen.length], [2, 0]);
});

test("a base without a host is on the page's own", async () => {
  const server = await Service.start();
  const page = { location: new URL("/page?of=invoices", server.url) };
  const on = (billing: string) => createClient({ urls: { billing }, token: "t", retry: { attempts: 1 } });
  const list = (client: Client) => withGlobals(page, () => client.billing.listInvoices());
  for (const [base, path] of [["/api", "/api/v1/invoices"], ["", "/v1/invoices"], ["/", "/v1/invoices"]] as const) {
    server.on(`GET ${path}`, [problem(403, "permission_missing")]);
    await assert.rejects(list(on(base)), { type: new URL("/problems/permission_missing", server.url).href });
  }
  await server.stop();
  await assert.rejects(list(on("/api")), NetworkError);
  await assert.rejects(on("/api").billing.listInvoices(), TypeError);
});

test("an answer without the body that it should have is a problem", async (context) => {
  const server = await service(context);
  for (const reply of [{ status: 200 }, { status: 200, body: null }, { status: 200, body: "text" }]) {
    assert.deepEqual((await refusal(server, reply)).code, "http_200");
    await assert.rejects(collect(server.client({ token: "t" }).billing.listInvoices.all()), { code: "http_200" });
  }
});

test("members of a problem that are not as documented are as if they were missing", async (context) => {
  const server = await service(context);
  const fault = { field: "host", code: "host_taken", message: "is taken" };
  const body = { title: 1, detail: {}, code: null, type: 5, errors: [fault, null, "nope", { field: 1 }] };
  const { title, detail, code, type, errors } = await refusal(server, { status: 409, body });
  assert.deepEqual([title, detail, code, type, errors], ["HTTP 409", "HTTP 409", "http_409", "about:blank", [fault]]);
  assert.deepEqual((await refusal(server, { status: 409, body: { errors: "nope" } })).errors, []);
  for (const type of ["javascript:alert(1)", "data:text/html,x", "http://["]) {
    assert.equal((await refusal(server, { status: 409, body: { type } })).type, "about:blank");
  }
});
