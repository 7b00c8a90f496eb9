/** Tests of sessions: signed in, kept so, signed out. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { NetworkError, ProblemError, type Session } from "@sevenleague/client";
import { CREDENTIALS, Service, eventually, gate, problem } from "./server.js";

const INVOICES = "GET /v1/invoices";
const REFRESH = "/v1/sessions/refresh";
const LOST = { status: 200, cut: true, body: {} };
const MINUTE = 60_000;

async function service(context: TestContext): Promise<Service> {
  const service = await Service.start();
  context.after(() => service.stop());
  service.guarded(INVOICES, { status: 200, body: { items: [] } });
  return service;
}

test("whoever signs in calls with a token, and hears of it", async (context) => {
  const auth = await service(context);
  const client = auth.client();
  const heard: (string | undefined)[] = [];
  client.onSession((session: Session | null) => heard.push(session?.user.email));
  assert.equal(client.session, null);
  const session = await client.signIn(CREDENTIALS);
  assert.equal(session.tenant.name, "Acme");
  assert.equal("access_token" in session, false);
  assert.deepEqual(await client.billing.listInvoices(), { items: [] });
  assert.equal(auth.to("/v1/invoices")[0]?.headers.authorization, "Bearer access-1");
  await client.signOut();
  assert.equal(client.session, null);
  assert.deepEqual(heard, [CREDENTIALS.email, undefined]);
});

test("a wrong password is a problem, and nobody is signed in", async (context) => {
  const auth = await service(context);
  auth.on("POST /v1/sessions", [problem(401, "credentials_wrong")]);
  const client = auth.client();
  await assert.rejects(client.signIn(CREDENTIALS), { name: "ProblemError", code: "credentials_wrong" });
  assert.equal(client.session, null);
});

test("whoever has a second factor is signed in by it, and not before", async (context) => {
  const auth = await service(context);
  const asked = { status: "second_factor_required", challenge: "c", expires_in: 300, methods: ["totp"] };
  auth.on("POST /v1/sessions", [{ status: 202, body: asked }]);
  auth.on("POST /v1/sessions/second-factor", ({ body }) => {
    assert.deepEqual(body, { challenge: "c", proof: { method: "totp", code: "287082" } });
    return auth.logIn(CREDENTIALS);
  });
  const client = auth.client();
  await assert.rejects(client.signIn(CREDENTIALS), { name: "SecondFactorRequiredError", asked });
  assert.equal(client.session, null);
  const session = await client.completeSignIn({ challenge: "c", proof: { method: "totp", code: "287082" } });
  assert.equal(session.user.email, CREDENTIALS.email);
  assert.deepEqual(await client.billing.listInvoices(), { items: [] });
});

test("a session goes on in another tenant, and what began in the one before is given up", async (context) => {
  const auth = await service(context);
  const client = await auth.signedIn();
  const heard: (string | undefined)[] = [];
  client.onSession((session) => heard.push(session?.tenant.name));
  const [asked, answer] = [gate(), gate()];
  auth.on("GET /v1/clients", async () => {
    asked.open();
    await answer.opened;
    return problem(401, "session_ended");
  });
  const late = assert.rejects(client.auth.listClients(), { code: "session_ended" });
  await asked.opened;
  const moved = await client.switchTenant("u");
  answer.open();
  await late;
  assert.equal(auth.to("/v1/clients").length, 1);
  assert.deepEqual([moved.tenant.name, client.session?.tenant.id, heard], ["Globex", "u", ["Globex"]]);
  assert.deepEqual(await client.billing.listInvoices(), { items: [] });
  await assert.rejects(client.switchTenant("z"), { name: "ProblemError", code: "not_a_member" });
  assert.equal(client.session?.tenant.id, "u");
});

test("whoever signs out while a switch is unanswered is signed out at the service", async (context) => {
  const auth = await service(context);
  const client = await auth.signedIn({ retry: { attempts: 1 } });
  auth.on("POST /v1/sessions/refresh", ({ body }) => {
    const { tenant_id: tenant } = body as { tenant_id?: string };
    const answer = auth.refreshed(body);
    // Done, and not heard of: the next one is the repetition that auth forgives.
    return tenant ? (auth.forgive(), { ...answer, cut: true }) : answer;
  });
  await assert.rejects(client.switchTenant("u"));
  assert.equal(client.session?.tenant.id, "t");
  await client.signOut();
  const ends = auth.seen.filter(({ method, url }) => method === "DELETE" && url.pathname === "/v1/sessions/current");
  assert.equal(ends.at(-1)?.headers.authorization, "Bearer access-3");
  assert.equal(client.session, null);
});

test("a refresh after a step-up has what was asked for", async (context) => {
  const auth = await service(context);
  const verify = async () => (auth.valid.clear(), true);
  const client = await auth.signedIn({ stepUp: { codes: ["insufficient_user_authentication"], verify } });
  let asked = 0;
  auth.on(INVOICES, ({ headers }) => {
    asked += 1;
    const strong = headers.authorization !== "Bearer access-1";
    return strong ? { status: 200, body: { items: [] } } : problem(401, "insufficient_user_authentication");
  });
  assert.deepEqual(await client.billing.listInvoices(), { items: [] });
  assert.equal(asked, 3);
});

test("many calls that find the token expired share one refresh", async (context) => {
  const auth = await service(context);
  const client = await auth.signedIn();
  auth.valid.clear();
  await Promise.all(Array.from({ length: 20 }, () => client.billing.listInvoices()));
  assert.equal(auth.to(REFRESH).length, 1);
});

test("a token is renewed before it expires", async (context) => {
  const auth = await service(context);
  auth.expiresIn = 0;
  const client = await auth.signedIn();
  await client.billing.listInvoices();
  const answered = auth.to("/v1/invoices").map(({ headers }) => headers.authorization);
  assert.deepEqual(answered, ["Bearer access-2"]);
});

test("a token that is old, but good, is used at once, while its renewal is under way", async (context) => {
  const auth = await service(context);
  auth.expiresIn = 100;
  const client = await auth.signedIn();
  context.mock.timers.enable({ apis: ["Date"], now: Date.now() + 95_000 });
  const { opened, open } = gate();
  auth.on(`POST ${REFRESH}`, async ({ body }) => {
    await opened;
    return auth.refreshed(body);
  });
  await client.billing.listInvoices();
  await client.billing.listInvoices();
  await eventually(() => auth.to(REFRESH).length === 1);
  open();
  await eventually(() => auth.valid.has("access-2"));
  context.mock.timers.setTime(Date.now() + 10_000);
  await client.billing.listInvoices();
  const used = auth.to("/v1/invoices").map(({ headers }) => headers.authorization);
  assert.deepEqual(used, ["Bearer access-1", "Bearer access-1", "Bearer access-2"]);
  assert.equal(auth.to(REFRESH).length, 1);
});

test("an expired token whose renewal is refused: the call fails with that refusal, unsent", async (context) => {
  const auth = await service(context);
  auth.expiresIn = 0;
  const client = await auth.signedIn();
  auth.revoke();
  await assert.rejects(client.billing.listInvoices(), { code: "session_ended" });
  assert.equal(auth.to("/v1/invoices").length, 0);
});

test("a refresh that comes back after she signed out brings nobody back", async (context) => {
  const auth = await service(context);
  auth.expiresIn = 100;
  const client = await auth.signedIn();
  context.mock.timers.enable({ apis: ["Date"], now: Date.now() + 95_000 });
  const heard: unknown[] = [];
  client.onSession((session) => heard.push(session));
  const { opened, open } = gate();
  let answered = false;
  auth.on(`POST ${REFRESH}`, async ({ body }) => {
    const answer = auth.refreshed(body);
    await opened;
    answered = true;
    return answer;
  });
  await client.billing.listInvoices();
  await eventually(() => auth.to(REFRESH).length === 1);
  await client.signOut();
  open();
  await eventually(() => answered);
  // It waits for its turn, so the refresh is over when it fails.
  auth.on("POST /v1/sessions", [problem(401, "credentials_wrong")]);
  await assert.rejects(client.signIn(CREDENTIALS), { code: "credentials_wrong" });
  assert.deepEqual([client.session, heard], [null, [null]]);
});

test("a refresh without an answer is sent again soon, and by the next call however late", async (context) => {
  const auth = await service(context);
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  const shortened = context.mock.method(AbortSignal, "timeout", (ms: number) => timeout(ms === 15_000 ? 500 : ms));
  const client = await auth.signedIn();
  auth.valid.clear();
  auth.on(`POST ${REFRESH}`, () => {
    auth.on(`POST ${REFRESH}`, ({ body }) => auth.refreshed(body));
    return new Promise(() => undefined);
  });
  await client.billing.listInvoices();
  assert.equal(auth.to(REFRESH).length, 2);
  shortened.mock.restore();

  context.mock.timers.enable({ apis: ["Date"], now: Date.now() });
  const few = await auth.signedIn({ retry: { attempts: 1 } });
  auth.valid.clear();
  auth.on(`POST ${REFRESH}`, [LOST]);
  await assert.rejects(few.billing.listInvoices(), NetworkError);
  assert.notEqual(few.session, null);
  context.mock.timers.setTime(Date.now() + 600_000);
  auth.on(`POST ${REFRESH}`, ({ body }) => auth.refreshed(body));
  await few.billing.listInvoices();
  assert.equal(auth.to(REFRESH).length, 4);
});

test("a refresh that auth could not make just then may be sent again at any time", async (context) => {
  const auth = await service(context);
  context.mock.timers.enable({ apis: ["Date"], now: Date.now() });
  const client = await auth.signedIn({ retry: { attempts: 1 } });
  auth.valid.clear();
  auth.on(`POST ${REFRESH}`, [problem(503, "unavailable")]);
  await assert.rejects(client.billing.listInvoices(), { status: 503 });
  context.mock.timers.setTime(Date.now() + MINUTE);
  auth.on(`POST ${REFRESH}`, ({ body }) => auth.refreshed(body));
  await client.billing.listInvoices();
});

test("signing in is not repeated if its answer is lost, only if it was refused for the moment", async (context) => {
  const auth = await service(context);
  const client = auth.client();
  auth.on("POST /v1/sessions", [LOST]);
  await assert.rejects(client.signIn(CREDENTIALS), NetworkError);
  auth.on("POST /v1/sessions", [problem(504, "http")]);
  await assert.rejects(client.signIn(CREDENTIALS), { status: 504 });
  assert.equal(auth.to("/v1/sessions").length, 2);
  auth.on("POST /v1/sessions", ({ body }) => {
    auth.on("POST /v1/sessions", () => auth.logIn(body));
    return problem(503, "unavailable");
  });
  await client.signIn(CREDENTIALS);
  assert.equal(auth.to("/v1/sessions").length, 4);
});

test("a clock that is wrong by a day, and put right meanwhile, disturbs nobody", async (context) => {
  const auth = await service(context);
  const day = 86_400_000;
  context.mock.timers.enable({ apis: ["Date"], now: Date.now() + day });
  const client = await auth.signedIn();
  await client.billing.listInvoices();
  assert.equal(auth.to(REFRESH).length, 0);
  context.mock.timers.setTime(Date.now() - day);
  auth.valid.clear();
  await client.billing.listInvoices();
  assert.equal(auth.to(REFRESH).length, 1);
});

test("a refresh that is refused signs out; the error says why", async (context) => {
  const auth = await service(context);
  const client = await auth.signedIn();
  const heard: unknown[] = [];
  client.onSession((session) => heard.push(session));
  auth.revoke();
  await assert.rejects(client.billing.listInvoices(), { name: "ProblemError", code: "session_ended" });
  assert.equal(client.session, null);
  assert.deepEqual(heard, [null]);
});

test("a refresh that nobody answers, or 503, keeps the session", async (context) => {
  const auth = await service(context);
  const client = await auth.signedIn({ retry: { attempts: 1 } });
  auth.valid.clear();
  auth.on(`POST ${REFRESH}`, [{ status: 200, cut: true, body: {} }]);
  await assert.rejects(client.billing.listInvoices(), NetworkError);
  auth.on(`POST ${REFRESH}`, [problem(503, "unavailable")]);
  await assert.rejects(client.billing.listInvoices(), { name: "ProblemError", status: 503 });
  assert.notEqual(client.session, null);
  auth.on(`POST ${REFRESH}`, ({ body }) => auth.refreshed(body));
  await client.billing.listInvoices();
});

test("signing out that the service cannot be asked for leaves the session, and says so", async (context) => {
  const auth = await service(context);
  const client = await auth.signedIn({ retry: { attempts: 1 } });
  auth.on("DELETE /v1/sessions/current", [problem(503, "unavailable")]);
  await assert.rejects(client.signOut(), ProblemError);
  assert.notEqual(client.session, null);
  auth.on("DELETE /v1/sessions/current", [problem(401, "session_ended")]);
  auth.revoke();
  await client.signOut();
  assert.equal(client.session, null);
});

test("signing out of a session that can no longer be renewed is no error", async (context) => {
  const auth = await service(context);
  auth.expiresIn = 0;
  const client = await auth.signedIn();
  auth.revoke();
  await client.signOut();
  assert.equal(client.session, null);
});

test("a page that begins restores what the cookie has, with one request", async (context) => {
  const auth = await service(context);
  auth.on(`POST ${REFRESH}`, [problem(401, "refresh_invalid")]);
  const client = auth.client({ keep: "cookie" });
  assert.equal(await client.restore(), null);
  await assert.rejects(client.billing.listInvoices(), { status: 401 });
  assert.equal(auth.to(REFRESH).length, 1);
});

test("an API key goes with every call in place of a session", async (context) => {
  const auth = await service(context);
  auth.valid.add("slk_key");
  const client = auth.client({ token: () => "slk_key" });
  await client.billing.listInvoices();
  assert.equal(auth.to("/v1/invoices")[0]?.headers.authorization, "Bearer slk_key");
});

test("operations for anybody carry no token", async (context) => {
  const auth = await service(context);
  auth.on("POST /v1/users", [{ status: 202, body: { status: "verification_sent" } }]);
  const client = await auth.signedIn();
  await client.auth.registerUser({ body: { ...CREDENTIALS, display_name: "Ada", tenant_name: "Acme" } });
  assert.equal(auth.to("/v1/users")[0]?.headers.authorization, undefined);
});
