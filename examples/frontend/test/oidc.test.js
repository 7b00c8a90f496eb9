/** An app of a third party signs people in: a client and a verifier that nobody here wrote, and a real browser. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import * as jose from "jose";
import * as oidc from "openid-client";
import { launch, picture } from "./browser.js";
import { PASSWORD, owner, urls } from "./stack.js";

const SCOPE = "openid profile email offline_access auth.readMembers";
const INSECURE = { execute: [oidc.allowInsecureRequests] };

let grace, browser, app, registered, config;

/** The app's own server: it keeps what browsers bring it. */
async function thirdParty() {
  const waiting = [];
  const server = createServer((request, response) => {
    if (request.url.startsWith("/signed-in")) waiting.shift()?.(new URL(request.url, app.url));
    response.setHeader("content-type", "text/html").end("<!doctype html><title>Planner</title><h1>Planner</h1>");
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const url = `http://127.0.0.1:${server.address().port}`;
  return { url, callback: `${url}/signed-in`, server, called: () => new Promise((resolve) => waiting.push(resolve)) };
}

const register = (changes = {}) =>
  grace.client.auth.createClient({
    body: {
      name: "Planner",
      redirect_uris: [app.callback],
      post_logout_redirect_uris: [`${app.url}/bye`],
      scope: SCOPE,
      ...changes,
    },
  });

const discovered = (client, ...rest) => oidc.discovery(new URL(urls.auth), client.id, ...rest, INSECURE);

before(async () => {
  [grace, browser, app] = [await owner("Oidc"), await launch(), await thirdParty()];
  registered = await register();
  config = await discovered(registered.client, registered.secret.secret, undefined);
});

after(async () => {
  await browser.close();
  app.server.close();
});

/** What the app remembers between sending somebody away and having them back. */
async function request(parameters = {}) {
  const [verifier, state, nonce] = [oidc.randomPKCECodeVerifier(), oidc.randomState(), oidc.randomNonce()];
  const asked = {
    redirect_uri: app.callback,
    scope: SCOPE,
    // What was agreed to once is not asked for again; these tests are in any order.
    prompt: "consent",
    state,
    nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    ...parameters,
  };
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true };
  return { asked, checks };
}

/** Grace signs in and agrees, in a browser that runs no scripts. */
async function signIn(page, url) {
  const called = app.called();
  await page.goto(url.href);
  await page.getByLabel("E-mail address").fill(grace.email);
  await page.getByLabel("Password").fill(PASSWORD);
  await picture(page, "sign-in");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Allow Planner?" }).waitFor();
  await picture(page, "consent");
  await page.getByRole("button", { name: "Allow" }).click();
  await page.getByRole("heading", { name: "Planner" }).waitFor();
  return called;
}

test("somebody signs in to a third party's app, without JavaScript, and out again", async () => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  const { asked, checks } = await request();
  const answer = await signIn(page, oidc.buildAuthorizationUrl(config, asked));
  const tokens = await oidc.authorizationCodeGrant(config, answer, checks);
  const { sub } = tokens.claims();
  const info = await oidc.fetchUserInfo(config, tokens.access_token, sub);
  assert.equal(info.email, grace.email);
  assert.equal(info.email_verified, true);

  // The next request needs neither password nor consent.
  const again = await request({ prompt: "none" });
  const called = app.called();
  await page.goto(oidc.buildAuthorizationUrl(config, again.asked).href);
  const silently = await oidc.authorizationCodeGrant(config, await called, again.checks);
  assert.equal(silently.claims().sub, sub);

  const renewed = await oidc.refreshTokenGrant(config, tokens.refresh_token);
  assert.notEqual(renewed.refresh_token, tokens.refresh_token);
  assert.equal((await oidc.tokenIntrospection(config, renewed.access_token)).active, true);
  await oidc.tokenRevocation(config, renewed.refresh_token);
  assert.equal((await oidc.tokenIntrospection(config, renewed.access_token)).active, false);

  const leave = { id_token_hint: silently.id_token, post_logout_redirect_uri: `${app.url}/bye` };
  await page.goto(oidc.buildEndSessionUrl(config, leave).href);
  assert.equal(page.url(), `${app.url}/bye`);
  const gone = app.called();
  await page.goto(oidc.buildAuthorizationUrl(config, (await request({ prompt: "none" })).asked).href);
  assert.equal((await gone).searchParams.get("error"), "login_required");
  await context.close();
});

test("whoever verifies the tokens needs nothing but the keys", async () => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const { asked, checks } = await request();
  const answer = await signIn(await context.newPage(), oidc.buildAuthorizationUrl(config, asked));
  const tokens = await oidc.authorizationCodeGrant(config, answer, checks);
  const { issuer, jwks_uri } = config.serverMetadata();
  const keys = jose.createRemoteJWKSet(new URL(jwks_uri));
  const audience = "sevenleague";
  const access = await jose.jwtVerify(tokens.access_token, keys, { issuer, audience, typ: "at+jwt" });
  assert.equal(access.payload.client_id, registered.client.id);
  assert.deepEqual(access.payload.scope.split(" ").sort(), SCOPE.split(" ").sort());
  await jose.jwtVerify(tokens.id_token, keys, { issuer, audience: registered.client.id, algorithms: ["EdDSA"] });
  await assert.rejects(jose.jwtVerify(tokens.access_token, keys, { issuer, audience: "forum" }), {
    code: "ERR_JWT_CLAIM_VALIDATION_FAILED",
  });
  await context.close();
});

test("an app signs its own requests, and pushes them before", async () => {
  const { publicKey, privateKey } = await jose.generateKeyPair("ES256", { extractable: true });
  const jwks = { keys: [{ ...(await jose.exportJWK(publicKey)), kid: "1" }] };
  const { client } = await register({ token_endpoint_auth_method: "private_key_jwt", jwks });
  const method = oidc.PrivateKeyJwt({ key: privateKey, kid: "1" });
  const signing = await discovered(client, undefined, method);
  const { asked, checks } = await request();
  const url = await oidc.buildAuthorizationUrlWithPAR(signing, asked);
  assert.deepEqual([...url.searchParams.keys()].sort(), ["client_id", "request_uri"]);
  const context = await browser.newContext({ javaScriptEnabled: false });
  const answer = await signIn(await context.newPage(), url);
  const tokens = await oidc.authorizationCodeGrant(signing, answer, checks);
  assert.equal(tokens.claims().aud, client.id);
  const machine = await oidc.clientCredentialsGrant(signing);
  assert.equal((await oidc.tokenIntrospection(signing, machine.access_token)).sub, client.id);
  await context.close();
});

test("an app without a secret signs people in as well", async () => {
  const { client } = await register({ token_endpoint_auth_method: "none" });
  const open = await discovered(client, undefined, oidc.None());
  const context = await browser.newContext({ javaScriptEnabled: false });
  const { asked, checks } = await request();
  const answer = await signIn(await context.newPage(), oidc.buildAuthorizationUrl(open, asked));
  const tokens = await oidc.authorizationCodeGrant(open, answer, checks);
  assert.equal((await oidc.fetchUserInfo(open, tokens.access_token, tokens.claims().sub)).email, grace.email);
  await context.close();
});

test("an answer that another server has mixed in is refused by the client", async () => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const { asked, checks } = await request();
  const answer = await signIn(await context.newPage(), oidc.buildAuthorizationUrl(config, asked));
  const forged = new URL(answer);
  forged.searchParams.set("iss", "https://evil.test");
  await assert.rejects(oidc.authorizationCodeGrant(config, forged, checks));
  const other = await request();
  await assert.rejects(oidc.authorizationCodeGrant(config, answer, { ...checks, pkceCodeVerifier: other.checks.pkceCodeVerifier }), {
    error: "invalid_grant",
  });
  await context.close();
});
