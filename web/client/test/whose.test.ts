/** Tests of whose session a call is made in: one from its beginning to its end. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Client } from "@sevenleague/client";
import { CREDENTIALS, EVE, type Reply, Service, collect, problem } from "./server.js";

const CREATE = "POST /v1/roles";
const CREATED: Reply = { status: 201, body: {} };
const ROLE = { body: { name: "Reader", permissions: [] } };
const CHANGED = { name: "SessionChangedError" };

async function service(context: TestContext): Promise<Service> {
  const service = await Service.start();
  context.after(() => service.stop());
  return service;
}

async function changeToEve(client: Client): Promise<void> {
  await client.signOut();
  await client.signIn(EVE);
}

test("a call that Ada began, and that waits for another try, is not finished as Eve", async (context) => {
  const auth = await service(context);
  const client = await auth.signedIn();
  auth.on(CREATE, async () => {
    auth.guarded(CREATE, CREATED);
    await changeToEve(client);
    return problem(503, "unavailable");
  });
  await assert.rejects(client.permission.createRole(ROLE), { status: 401 });
  const tokens = auth.to("/v1/roles").map(({ headers }) => headers.authorization);
  assert.deepEqual(tokens, ["Bearer access-1", "Bearer access-1"]);
});

test("a call that waits for a renewal is not made as Eve", async (context) => {
  const auth = await service(context);
  auth.guarded(CREATE, CREATED);
  auth.expiresIn = 0;
  const client = await auth.signedIn();
  auth.on("POST /v1/sessions/refresh", async ({ body }) => {
    const answer = auth.refreshed(body);
    auth.expiresIn = 600;
    return { ...answer, body: { ...(answer.body as object), session_id: "another" } };
  });
  await assert.rejects(client.permission.createRole(ROLE), CHANGED);
  assert.equal(auth.to("/v1/roles").length, 0);
});

test("a step-up at which Eve signs in ends the call that Ada, or nobody, began", async (context) => {
  const auth = await service(context);
  let client: Client;
  const verify = async () => {
    if (client.session) await client.signOut();
    await client.signIn(EVE);
    return true;
  };
  auth.on(CREATE, [problem(403, "step_up_required"), CREATED]);
  client = await auth.signedIn({ stepUp: { codes: ["step_up_required"], verify } });
  await assert.rejects(client.permission.createRole(ROLE), CHANGED);

  auth.on(CREATE, [problem(403, "step_up_required"), CREATED]);
  client = auth.client({ stepUp: { codes: ["step_up_required"], verify } });
  await client.restore();
  await assert.rejects(client.permission.createRole(ROLE), CHANGED);
  assert.equal(auth.to("/v1/roles").length, 2);
});

test("a list is of one session, or an error", async (context) => {
  const auth = await service(context);
  const client = await auth.signedIn();
  auth.on("GET /v1/invoices", async () => {
    auth.on("GET /v1/invoices", [{ status: 200, body: { items: ["Eve's"] } }]);
    return { status: 200, body: { items: ["Ada's"], next_cursor: "b" } };
  });
  const listed: unknown[] = [];
  const list = async () => {
    for await (const item of client.billing.listInvoices.all()) {
      listed.push(item);
      await changeToEve(client);
    }
  };
  await assert.rejects(list(), CHANGED);
  assert.deepEqual(listed, ["Ada's"]);
  assert.deepEqual(await collect(client.billing.listInvoices.all()), ["Eve's"]);
});

test("signing out ends the session that it was asked for, not the one that came meanwhile", async (context) => {
  const auth = await service(context);
  const client = await auth.signedIn();
  auth.on("DELETE /v1/sessions/current", async () => {
    await client.signIn(EVE);
    return { status: 204 };
  });
  await client.signOut();
  assert.equal(client.session?.user.email, EVE.email);
  assert.notEqual(EVE.email, CREDENTIALS.email);
});
