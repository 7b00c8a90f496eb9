//! A walk over every write operation of auth's document: each leaves an entry of its own, and no entry has a secret.

use crate::{
    authenticator::{App, Enrolled, begin, by_code, confirm, password, send, step_up},
    identity_providers::{Globex, configuration},
    oauth::{Browser, CALLBACK, Provider, VERIFIER, hidden, value},
    passkeys,
    security_key::{SecurityKey, properly},
    support::{PASSWORD, WORKER_SECRET, World, path_in, text},
};
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use test_support::{TestAnswer, eventually};

/// Writes that change nothing that the audit is about, with the reason that somebody has checked.
const NO_CHANGE: [(&str, &str); 15] = [
    ("refreshSession", "a renewal is no change: the session stays what it is"),
    ("registerUser", "nobody is there until the link is used, and strangers could fill the audit"),
    ("rejectRegistration", "nobody was there"),
    ("askForPasswordReset", "it mails a link, and strangers could fill the audit"),
    ("beginTotp", "a ceremony: the secret proves nothing until it is confirmed"),
    ("beginTotpAtLogIn", "a ceremony, as beginTotp"),
    ("beginPasskey", "a ceremony: it makes a challenge"),
    ("beginPasskeyLogIn", "a ceremony: it makes a challenge"),
    ("beginStepUp", "a ceremony: it makes a challenge"),
    ("pushAuthorizationRequest", "it seals what was asked, and stores nothing"),
    ("authorizeByForm", "it shows a page, or sends a code that becomes a session in a minute or never"),
    ("introspectToken", "it reads"),
    ("postUserInfo", "it reads"),
    ("existingPrincipals", "it reads"),
    ("exchangeApiKey", "a token of a key is no change: the key's use is in its last_used_at"),
];

/// What was done so far, and every secret that was seen by it.
#[derive(Default)]
struct Walk {
    done: BTreeSet<String>,
    secrets: BTreeSet<String>,
}

impl Walk {
    /// The operation has succeeded, and there is an entry of that very request.
    async fn did(&mut self, world: &World, operation: &str, answer: TestAnswer) -> Value {
        assert!(answer.status < 400, "{operation}: {} {}", answer.status, answer.text);
        let request = answer.header("x-request-id").expect("an id").to_owned();
        let entries = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM audit WHERE origin->>'request_id' = $1");
        let entries = entries.bind(request).fetch_one(&world.platform.pool).await.unwrap();
        assert!(entries > 0, "{operation} leaves no entry in the audit: note one, or say here why it changes nothing");
        self.done.insert(operation.to_owned());
        self.secrets
            .extend(answer.header("set-cookie").and_then(|cookie| cookie.split(['=', ';']).nth(1)).map(str::to_owned));
        self.note(&answer.json);
        answer.json
    }

    /// Keeps what is secret in an answer.
    fn note(&mut self, answer: &Value) {
        const SECRET: [&str; 7] =
            ["access_token", "refresh_token", "id_token", "secret", "challenge", "recovery_codes", "uri"];
        match answer {
            Value::Object(fields) => {
                for (name, value) in fields {
                    if SECRET.contains(&name.as_str()) {
                        self.keep(value);
                    }
                    self.note(value);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.note(item)),
            _ => {}
        }
    }

    fn keep(&mut self, value: &Value) {
        match value {
            Value::String(secret) => drop(self.secrets.insert(secret.clone())),
            Value::Array(secrets) => secrets.iter().for_each(|secret| self.keep(secret)),
            _ => {}
        }
    }

    /// Nothing that was seen, nothing that is made of it, and no address.
    async fn is_kept_secret(&self, world: &World) {
        let stored = "
            SELECT encode(token_hash, 'hex') FROM refresh_tokens UNION SELECT encode(secret_hash, 'hex') FROM client_secrets
            UNION SELECT encode(key_hash, 'hex') FROM api_keys UNION SELECT password_hash FROM users
            UNION SELECT encode(sealed_secret, 'hex') FROM totp_factors UNION SELECT encode(code_hash, 'hex') FROM recovery_codes
            UNION SELECT encode(token_hash, 'hex') FROM sign_ins UNION SELECT email FROM users
            UNION SELECT email FROM invitations UNION SELECT email FROM registrations
            UNION SELECT token FROM (SELECT regexp_replace(envelope->'data'->'variables'->>'link', '.*/', '') AS token FROM said) AS links
            WHERE token IS NOT NULL";
        let stored: Vec<String> = sqlx::query_scalar(stored).fetch_all(&world.platform.pool).await.unwrap();
        let written: String = sqlx::query_scalar("SELECT string_agg(audit::text, E'\\n') FROM audit")
            .fetch_one(&world.platform.pool)
            .await
            .unwrap();
        let known = [PASSWORD, NEW, WORKER_SECRET].map(str::to_owned);
        for secret in self.secrets.iter().chain(&stored).chain(&known).filter(|secret| secret.len() > 5) {
            assert!(!written.contains(secret.as_str()), "the audit has {secret}");
        }
    }
}

const NEW: &str = "eight leagues, uphill";

#[tokio::test]
async fn every_write_leaves_an_entry_and_no_secret() {
    let mut walk = Walk::default();
    people(&mut walk).await;
    factors(&mut walk).await;
    passkeys_of_a_person(&mut walk).await;
    tenant(&mut walk).await;
    apps(&mut walk).await;
    identity_providers(&mut walk).await;
    let document = service_kit::openapi::<auth::Auth>();
    let operations = document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap());
    let writes = operations.filter(|(method, _)| *method != "get");
    let missing: Vec<_> = writes
        .map(|(_, operation)| operation["operationId"].as_str().unwrap())
        .filter(|id| !walk.done.contains(*id) && NO_CHANGE.iter().all(|(harmless, _)| harmless != id))
        .collect();
    assert_eq!(missing, Vec::<&str>::new(), "try these here, or say why they change nothing");
    let both: Vec<_> = NO_CHANGE.iter().filter(|(id, _)| walk.done.contains(*id)).collect();
    assert!(both.is_empty(), "{both:?}");
}

/// Accounts, sessions, passwords and keys of one person.
async fn people(walk: &mut Walk) {
    let world = World::start().await;
    let link = world.register("ada@acme.test", "Acme").await;
    let verified =
        walk.did(&world, "verifyEmail", world.server.post(&link, &json!({"password": PASSWORD})).await).await;
    let ada = crate::support::Account {
        email: "ada@acme.test".into(),
        user: crate::support::id(&verified["user_id"]),
        tenant: crate::support::id(&verified["tenant_id"]),
    };
    world.allow(&ada, &["auth.readMembers"]).await;
    let here = walk.did(&world, "logIn", password(&world, &ada.email).await).await;
    let token = text(&here, "access_token");
    world.log_in(&ada).await;
    walk.did(&world, "endOtherSessions", world.server.delete("/v1/sessions").bearer(token).await).await;
    let there = world.log_in(&ada).await;
    let path = format!("/v1/sessions/{}", text(&there, "session_id"));
    walk.did(&world, "endSession", world.server.delete(&path).bearer(token).await).await;
    walk.did(&world, "stepUpSession", step_up(&world, &here, json!({"password": PASSWORD})).await).await;
    let key = json!({"name": "laptop", "permissions": ["auth.readMembers"]});
    let key = walk.did(&world, "createApiKey", world.server.post("/v1/api-keys", &key).bearer(token).await).await;
    let path = format!("/v1/api-keys/{}", text(&key["api_key"], "id"));
    walk.did(&world, "revokeApiKey", world.server.delete(&path).bearer(token).await).await;
    let lost = json!({"name": "lost", "permissions": ["auth.readMembers"]});
    let lost = world.server.post("/v1/api-keys", &lost).bearer(token).await.expect(201);
    walk.note(&lost);
    let report = world.server.post("/v1/leaked-api-keys", &json!({"text": lost["secret"]})).await;
    walk.did(&world, "reportLeakedApiKeys", report).await;
    let made = world.server.post("/v1/tenants", &json!({"name": "Globex"})).bearer(token).await;
    walk.did(&world, "createTenant", made).await;
    let change = json!({"current_password": PASSWORD, "new_password": NEW});
    walk.did(&world, "changePassword", world.server.post("/v1/me/password", &change).bearer(token).await).await;
    world.server.post("/v1/password-resets", &json!({"email": ada.email})).await.expect(202);
    eventually("the mail", async || world.mails("reset-password", &ada.email).await.pop().map(drop)).await;
    let link = world.link("reset-password", &ada.email).await;
    let reset = json!({"new_password": "nine leagues, downhill"});
    walk.did(&world, "resetPassword", world.server.post(&link, &reset).await).await;
    let log_in = json!({"email": ada.email, "password": "nine leagues, downhill"});
    let again = world.server.post("/v1/sessions", &log_in).await.expect(201);
    let log_out = world.server.delete("/v1/sessions/current").bearer(text(&again, "access_token"));
    walk.did(&world, "logOut", log_out.await).await;
    walk.is_kept_secret(&world).await;
}

async fn factors(walk: &mut Walk) {
    let (world, ada) = World::with_ada().await;
    let session = world.log_in(&ada).await;
    let begun = begin(&world, &session).await.expect(200);
    walk.note(&begun);
    let app = App::new(&begun);
    walk.did(&world, "confirmTotp", confirm(&world, &session, &app.code(&world, 0)).await).await;
    let asked = password(&world, &ada.email).await.expect(202);
    walk.note(&asked);
    let code = app.next_code(&world);
    let session = by_code(&world, text(&asked, "challenge"), &code).await;
    let session = walk.did(&world, "logInWithSecondFactor", session).await;
    walk.did(&world, "makeRecoveryCodes", send(&world, &session, Method::POST, "/recovery-codes").await).await;
    world.allow(&ada, &["auth.writeAuthenticationPolicy", "auth.inviteMembers"]).await;
    let policy = world.server.put("/v1/authentication-policy", &json!({"second_factor_required": true}));
    let policy = policy.bearer(text(&session, "access_token")).header("if-match", "*").await;
    walk.did(&world, "editAuthenticationPolicy", policy).await;
    let bob = world.joins(&ada, text(&session, "access_token"), "bob@acme.test").await;
    let asked = password(&world, &bob.email).await.expect(202);
    let challenge = text(&asked, "challenge");
    let begun =
        world.server.post("/v1/sessions/second-factor/totp", &json!({"challenge": challenge})).await.expect(200);
    walk.note(&begun);
    let enrolment = json!({"challenge": challenge, "code": App::new(&begun).code(&world, 0)});
    let enrolled = world.server.post("/v1/sessions/second-factor/totp/confirmation", &enrolment).await;
    walk.did(&world, "confirmTotpAtLogIn", enrolled).await;
    walk.did(&world, "removeTotp", send(&world, &session, Method::DELETE, "/totp").await).await;
    walk.is_kept_secret(&world).await;
}

async fn passkeys_of_a_person(walk: &mut Walk) {
    let (world, ada) = World::with_ada().await;
    let (session, mut key) = (world.log_in(&ada).await, SecurityKey::new());
    let credential = key.create(&passkeys::options(&world, &session).await, &properly());
    let added = walk.did(&world, "addPasskey", passkeys::add(&world, &session, &credential).await).await;
    let path = format!("/v1/me/second-factors/passkeys/{}", text(&added, "id"));
    let renamed = world.server.put(&path, &json!({"name": "blue"})).bearer(text(&session, "access_token"));
    walk.did(&world, "renamePasskey", renamed.header("if-match", "*").await).await;
    let options = passkeys::log_in_options(&world).await;
    let session = passkeys::alone(&world, &key.get(&options, &properly())).await;
    let session = walk.did(&world, "logInWithPasskey", session).await;
    let removed = send(&world, &session, Method::DELETE, &format!("/passkeys/{}", text(&added, "id"))).await;
    walk.did(&world, "removePasskey", removed).await;
    walk.is_kept_secret(&world).await;
}

/// Members, invitations and machines.
async fn tenant(walk: &mut Walk) {
    let world = World::start().await;
    let permissions = ["auth.inviteMembers", "auth.writeMembers", "auth.writeClients"];
    let (ada, token) = world.signed_in("ada@acme.test", "Acme", &permissions).await;
    let invite =
        async |email: &str| world.server.post("/v1/invitations", &json!({"email": email})).bearer(&token).await;
    let open = walk.did(&world, "inviteMember", invite("eve@evil.test").await).await;
    let path = format!("/v1/invitations/{}", text(&open, "id"));
    walk.did(&world, "withdrawInvitation", world.server.delete(&path).bearer(&token).await).await;
    invite("carol@acme.test").await.expect(202);
    let mail = world.mails("invitation", "carol@acme.test").await.pop().unwrap();
    let refused = world.server.post(&path_in(&mail, "refuse_link"), &json!({"from": "everybody"})).await;
    walk.did(&world, "refuseInvitations", refused).await;
    for (email, name) in [("bob@acme.test", "Bob"), ("dan@acme.test", "Dan")] {
        invite(email).await.expect(202);
        let joined = json!({"display_name": name, "password": PASSWORD});
        let joined = world.server.post(&world.link("invitation", email).await, &joined).await;
        let joined = walk.did(&world, "acceptInvitation", joined).await;
        world.clock.advance(TimeDelta::seconds(1));
        let session = password(&world, email).await.expect(201);
        let member = format!("/v1/members/{}", text(&joined, "user_id"));
        if name == "Bob" {
            let ended = world.server.delete(&format!("{member}/sessions")).bearer(&token).await;
            walk.did(&world, "endMemberSessions", ended).await;
            walk.did(&world, "removeMember", world.server.delete(&member).bearer(&token).await).await;
        } else {
            let left = world.server.delete("/v1/members/me").bearer(text(&session, "access_token")).await;
            walk.did(&world, "leaveTenant", left).await;
        }
    }
    let made = world.server.post("/v1/clients", &json!({"name": "robot"})).bearer(&token).await;
    let made = walk.did(&world, "createClient", made).await;
    let client = format!("/v1/clients/{}", text(&made["client"], "id"));
    let edited = world.server.put(&client, &json!({"name": "tractor"})).bearer(&token).header("if-match", "*").await;
    walk.did(&world, "editClient", edited).await;
    let second = world.server.request(Method::POST, &format!("{client}/secrets")).bearer(&token).await;
    let second = walk.did(&world, "addClientSecret", second).await;
    let secret = format!("{client}/secrets/{}", text(&second, "id"));
    walk.did(&world, "revokeClientSecret", world.server.delete(&secret).bearer(&token).await).await;
    walk.did(&world, "deleteClient", world.server.delete(&client).bearer(&token).await).await;
    walk.is_kept_secret(&world).await;
    assert_eq!(ada.email, "ada@acme.test");
}

/// What people do in apps.
async fn apps(walk: &mut Walk) {
    let provider = Provider::start().await;
    let (world, mut browser) = (&provider.world, Browser::default());
    let page = provider.get(&browser, &provider.address(&[])).await;
    let form = [("request_uri", &*hidden(&page)), ("email", &*provider.ada.email), ("password", PASSWORD)];
    let signed_in = provider.submit(&browser, "/v1/oauth/sign-in", &form).await;
    browser.keep(&signed_in);
    let next = signed_in.header("location").unwrap().strip_prefix(crate::support::PUBLIC_URL).unwrap().to_owned();
    walk.did(world, "signIn", signed_in).await;
    let page = provider.get(&browser, &next).await;
    let allowed = provider.allow(&browser, &page).await;
    let code = crate::oauth::led_back(&allowed)["code"].clone();
    walk.did(world, "consent", allowed).await;
    let grant = [("grant_type", "authorization_code"), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)];
    let tokens = provider.ask(&[&grant[..], &[("code", &code)]].concat()).await;
    let tokens = walk.did(world, "issueToken", tokens).await;
    walk.secrets.insert(code);
    let own = [("client_id", &*provider.client), ("client_secret", &*provider.secret)];
    let revoke = [&own[..], &[("token", text(&tokens, "refresh_token"))]].concat();
    walk.did(world, "revokeToken", world.server.post_form("/v1/oauth/revoke", &revoke).await).await;
    let consent = format!("/v1/me/consents/{}", provider.client);
    walk.did(world, "withdrawConsent", world.server.delete(&consent).bearer(&provider.token).await).await;
    let left = provider.submit(&browser, "/v1/oauth/logout", &[("confirmed", "yes")]).await;
    walk.did(world, "signOutByForm", left).await;
    let ada = Enrolled::by(world, crate::support::Account { email: provider.ada.email.clone(), ..provider.ada }).await;
    let page = provider.get(&Browser::default(), &provider.address(&[])).await;
    let form = [("request_uri", &*hidden(&page)), ("email", &*provider.ada.email), ("password", PASSWORD)];
    let page = provider.submit(&Browser::default(), "/v1/oauth/sign-in", &form).await;
    let code = ada.app.next_code(world);
    let form = [("request_uri", &*hidden(&page)), ("challenge", &*value(&page, "challenge")), ("code", &*code)];
    let answer = provider.submit(&Browser::default(), "/v1/oauth/second-factor", &form).await;
    walk.did(world, "signInWithSecondFactor", answer).await;
    walk.is_kept_secret(world).await;
}

/// Where members of a tenant sign in elsewhere.
async fn identity_providers(walk: &mut Walk) {
    let (globex, liar, provider) = Globex::with_liar().await;
    let world = &globex.world;
    let path = format!("/v1/identity-providers/{provider}");
    let token = &globex.token;
    let body = configuration("https://login.example.com", "us", "s3cret-of-another");
    walk.secrets.insert("s3cret-of-another".into());
    let made = world.server.post("/v1/identity-providers", &body).bearer(token).await;
    walk.did(world, "createIdentityProvider", made).await;
    let session = globex.session(&liar, provider, json!({})).await;
    walk.note(&session);
    let linked = "SELECT count(*) FROM audit WHERE action = 'identity.linked'";
    assert_eq!(sqlx::query_scalar::<_, i64>(linked).fetch_one(&world.platform.pool).await.unwrap(), 1);
    let edited = world.server.put(&path, &body).bearer(token).header("if-match", "*").await;
    walk.did(world, "editIdentityProvider", edited).await;
    walk.did(world, "deleteIdentityProvider", world.server.delete(&path).bearer(token).await).await;
    walk.is_kept_secret(world).await;
}
