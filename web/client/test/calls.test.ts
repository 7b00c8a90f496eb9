/** Tests of calls: how a request looks, what an answer becomes, and lists. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { ProblemError } from "@sevenleague/client";
import { Service, collect, problem } from "./server.js";

async function service(context: TestContext): Promise<Service> {
  const service = await Service.start();
  context.after(() => service.stop());
  return service;
}

test("path, query, headers and body go where they belong", async (context) => {
  const server = await service(context);
  const client = server.client({ token: "t" });
  server.on("PUT /v1/roles/a%2Fb%3F", [{ status: 200, body: { version: 2 }, headers: { etag: '"2"' } }]);
  const body = { name: "Reader", permissions: ["billing.readInvoices"] };
  const answer = await client.permission.editRole.answer({ path: { id: "a/b?" }, header: { "If-Match": '"1"' }, body });
  assert.equal(answer.headers.get("ETag"), '"2"');
  assert.equal(answer.status, 200);
  const [put] = server.seen;
  assert.equal(put?.headers["if-match"], '"1"');
  assert.deepEqual(put?.body, body);

  server.on("GET /v1/grants", [{ status: 200, body: { items: [] } }]);
  await client.permission.listGrants({ query: { principal: "user:a b&c", limit: 5 } });
  assert.equal(server.to("/v1/grants")[0]?.url.search, "?principal=user%3Aa+b%26c&limit=5");
  server.on("DELETE /v1/grants/g", [{ status: 204 }]);
  assert.equal(await client.permission.revokeGrant({ path: { id: "g" } }), undefined);
});

test("a refusal is a problem with all that it says", async (context) => {
  const server = await service(context);
  const errors = [{ field: "limit", code: "out_of_range", message: "must be 1 to 200" }];
  const refusal = problem(422, "invalid", { "x-request-id": "of-this-request" });
  server.on("GET /v1/invoices", [{ ...refusal, body: { ...(refusal.body as object), errors } }]);
  await assert.rejects(server.client({ token: "t" }).billing.listInvoices(), (error) => {
    assert.ok(error instanceof ProblemError);
    const { status, code, detail, message, requestId, retryAfter } = error;
    assert.deepEqual([status, code, detail, message], [422, "invalid", "It is invalid.", "It is invalid."]);
    assert.deepEqual([requestId, retryAfter, error.errors], ["of-this-request", undefined, errors]);
    assert.equal(error.type, new URL("/problems/invalid", server.url).href);
    return true;
  });
});

test("a proxy's own page is a problem, too", async (context) => {
  const server = await service(context);
  server.on("GET /v1/invoices", [{ status: 502, body: "<html>", headers: { "content-type": "text/html" } }]);
  const client = server.client({ token: "t", retry: { attempts: 1 } });
  await assert.rejects(client.billing.listInvoices(), {
    name: "ProblemError",
    status: 502,
    code: "http_502",
    type: "about:blank",
  });
  server.on("GET /v1/invoices", [{ status: 200, body: "<html>", headers: { "content-type": "text/html" } }]);
  await assert.rejects(client.billing.listInvoices(), { name: "ProblemError", status: 200, code: "http_200" });
});

test("a list is walked page by page, no further than the loop goes", async (context) => {
  const server = await service(context);
  const pages = [{ items: [1, 2], next_cursor: "b" }, { items: [3], next_cursor: "c" }, { items: [4] }];
  const from = new Map<string | null, number>([["b", 1], ["c", 2]]);
  const page = (cursor: string | null) => pages[from.get(cursor) ?? 0];
  server.on("GET /v1/invoices", ({ url }) => ({ status: 200, body: page(url.searchParams.get("cursor")) }));
  const client = server.client({ token: "t" });
  assert.deepEqual(await collect(client.billing.listInvoices.all({ query: { limit: 2 } })), [1, 2, 3, 4]);
  assert.ok(server.seen.every(({ url }) => url.searchParams.get("limit") === "2"));
  for await (const page of client.billing.listInvoices.pages()) {
    assert.deepEqual(page, pages[0]);
    break;
  }
  assert.equal(server.seen.length, 4);
  server.on("GET /v1/invoices", [{ status: 200, body: pages[0] }]);
  await assert.rejects(collect(client.billing.listInvoices.all()), /circle/);
  const there = { items: [], next_cursor: "a" };
  const back = { items: [], next_cursor: "b" };
  const turn = (cursor: string | null) => ({ status: 200, body: cursor === "a" ? back : there });
  server.on("GET /v1/invoices", ({ url }) => turn(url.searchParams.get("cursor")));
  await assert.rejects(collect(client.billing.listInvoices.all()), /circle/);
});

test("a step-up is asked for once by all who need it, and the requests are tried once more", async (context) => {
  const server = await service(context);
  let proved = false;
  const asked: string[] = [];
  const invoices = { status: 200, body: { items: [] } };
  server.on("GET /v1/invoices", () => (proved ? invoices : problem(403, "step_up_required")));
  const verify = async ({ code }: ProblemError) => {
    asked.push(code);
    await new Promise((resolve) => setTimeout(resolve, 100));
    return (proved = true);
  };
  const client = server.client({ token: "t", stepUp: { codes: ["step_up_required"], verify } });
  await Promise.all([client.billing.listInvoices(), client.billing.listInvoices()]);
  assert.deepEqual(asked, ["step_up_required"]);

  const refused = { codes: ["step_up_required"], verify: async () => false };
  proved = false;
  const other = server.client({ token: "t", stepUp: refused });
  await assert.rejects(other.billing.listInvoices(), { code: "step_up_required" });
});

test("a service without a URL is named", async () => {
  const client = (await import("@sevenleague/client")).createClient({ urls: {} });
  await assert.rejects(client.mailer.getSending(), /no URL of mailer/);
});
