//! Passkeys: enrolment, as a second factor, alone, and what is not taken for an answer of one.

use crate::{
    authenticator::{Enrolled, FACTORS, complete, me, password, send, step_up},
    security_key::{Manner, SecurityKey, properly},
    support::{Account, World, text, variable},
};
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use test_support::TestAnswer;

const PASSKEYS: &str = "/v1/me/second-factors/passkeys";

pub async fn options(world: &World, session: &Value) -> Value {
    send(world, session, Method::POST, "/passkeys/options").await.expect(200)
}

pub async fn add(world: &World, session: &Value, credential: &Value) -> TestAnswer {
    let new = json!({"name": "Ada's key", "credential": credential});
    world.server.post(PASSKEYS, &new).bearer(text(session, "access_token")).await
}

/// Ada with a key, and the session that enrolled it.
async fn ada_with_a_key() -> (World, Account, SecurityKey, Value) {
    let (world, ada) = World::with_ada().await;
    let (session, mut key) = (world.log_in(&ada).await, SecurityKey::new());
    let credential = key.create(&options(&world, &session).await, &properly());
    add(&world, &session, &credential).await.expect(201);
    let refresh = json!({"refresh_token": session["refresh_token"]});
    let session = world.server.post("/v1/sessions/refresh", &refresh).await.expect(200);
    (world, ada, key, session)
}

pub async fn log_in_options(world: &World) -> Value {
    world.server.request(Method::POST, "/v1/sessions/passkey-options").await.expect(200)
}

pub async fn alone(world: &World, credential: &Value) -> TestAnswer {
    world.server.post("/v1/sessions/passkey", &json!({"credential": credential})).await
}

/// A log-in by the password and the key.
async fn second(world: &World, ada: &Account, key: &mut SecurityKey, manner: &Manner) -> TestAnswer {
    let asked = password(world, &ada.email).await.expect(202);
    let credential = key.get(&asked["passkey"], manner);
    complete(world, text(&asked, "challenge"), json!({"method": "passkey", "credential": credential})).await
}

#[tokio::test]
async fn a_passkey_is_a_second_factor() {
    let (world, ada) = World::with_ada().await;
    let (session, there, mut key) = (world.log_in(&ada).await, world.log_in(&ada).await, SecurityKey::new());
    let options = options(&world, &session).await;
    assert_eq!((text(&options["rp"], "id"), text(&options["user"], "name")), ("auth.test", "ada@acme.test"));
    assert_eq!(options["pubKeyCredParams"][0], json!({"type": "public-key", "alg": -7}));
    let added = add(&world, &session, &key.create(&options, &properly())).await;
    let location = added.header("location").unwrap().to_owned();
    let added = added.expect(201);
    assert_eq!((text(&added, "name"), &added["synced"]), ("Ada's key", &json!(false)));
    assert_eq!(added["recovery_codes"].as_array().unwrap().len(), 10);
    assert_eq!(location, format!("{PASSKEYS}/{}", text(&added, "id")));
    me(&world, &there).await.problem(401, "session_ended");
    let mail = world.mails("second-factor-changed", &ada.email).await.pop().unwrap();
    assert_eq!(variable(&mail, "change"), json!("passkey_added"));

    let asked = password(&world, &ada.email).await.expect(202);
    assert_eq!(asked["methods"], json!(["passkey", "recovery_code"]));
    assert_eq!(asked["passkey"]["challenge"], asked["challenge"]);
    assert_eq!(asked["passkey"]["allowCredentials"].as_array().unwrap().len(), 1);
    // The touch of a key is enough beside the password.
    let touched = Manner { verified: false, names_owner: false, ..properly() };
    let session = second(&world, &ada, &mut key, &touched).await.expect(201);
    let claims = world.verifier().verify(text(&session, "access_token")).await.unwrap();
    assert_eq!((claims.amr.join(" "), claims.acr.as_deref()), ("hwk mfa pwd user".to_owned(), Some("aal2")));
    let listed = send(&world, &session, Method::GET, "").await.expect(200);
    assert!(listed["passkeys"][0]["last_used_at"].is_string(), "{listed}");
}

#[tokio::test]
async fn a_passkey_alone_is_a_log_in_if_its_device_knows_its_owner() {
    let (world, ada, mut key, _) = ada_with_a_key().await;
    let asked = log_in_options(&world).await;
    assert_eq!((text(&asked, "userVerification"), &asked["allowCredentials"]), ("required", &json!([])));
    for manner in [Manner { verified: false, ..properly() }, Manner { names_owner: false, ..properly() }] {
        alone(&world, &key.get(&asked, &manner)).await.problem(401, "passkey_wrong");
    }
    let answer = key.get(&asked, &properly());
    let session = alone(&world, &answer).await;
    assert!(session.header("set-cookie").is_some());
    let session = session.expect(201);
    assert_eq!((&session["user"]["id"], &session["tenant"]["id"]), (&json!(ada.user), &json!(ada.tenant)));
    let claims = world.verifier().verify(text(&session, "access_token")).await.unwrap();
    assert_eq!((claims.amr.join(" "), claims.acr.as_deref()), ("hwk mfa user".to_owned(), Some("aal2")));
    alone(&world, &answer).await.problem(401, "passkey_wrong");
    alone(&world, &SecurityKey::new().get(&log_in_options(&world).await, &properly()))
        .await
        .problem(401, "passkey_wrong");
    let late = log_in_options(&world).await;
    world.clock.advance(TimeDelta::minutes(5));
    alone(&world, &key.get(&late, &properly())).await.problem(401, "passkey_wrong");
    world.sweep(world.clock.now() + TimeDelta::minutes(6)).await;
    assert_eq!(world.count("passkey_challenges").await, 0);
}

#[tokio::test]
async fn what_does_not_answer_the_question_is_not_taken() {
    let (world, ada, mut key, _) = ada_with_a_key().await;
    let elsewhere = log_in_options(&world).await;
    let faults = [
        Manner { origin: "https://evil.test".into(), ..properly() },
        Manner { kind: Some("webauthn.create"), ..properly() },
        Manner { rp_id: Some("evil.test"), ..properly() },
        Manner { challenge: Some(text(&elsewhere, "challenge").into()), ..properly() },
        Manner { present: false, ..properly() },
    ];
    for manner in &faults {
        second(&world, &ada, &mut key, manner).await.problem(401, "second_factor_wrong");
        let own = Manner { challenge: manner.challenge.as_ref().map(|_| "another".into()), ..manner.clone() };
        alone(&world, &key.get(&log_in_options(&world).await, &own)).await.problem(401, "passkey_wrong");
    }
    // Of somebody else, whose key it is not.
    let mut other = SecurityKey::new();
    other.id = key.id.clone();
    second(&world, &ada, &mut other, &properly()).await.problem(401, "second_factor_wrong");
    let nonsense = json!({"rawId": "%", "response": {"clientDataJSON": "", "authenticatorData": "", "signature": ""}});
    alone(&world, &nonsense).await.problem(401, "passkey_wrong");
    second(&world, &ada, &mut key, &properly()).await.expect(201);
}

#[tokio::test]
async fn a_key_that_counts_backwards_may_be_a_copy() {
    let (world, ada, mut key, _) = ada_with_a_key().await;
    second(&world, &ada, &mut key, &properly()).await.expect(201);
    second(&world, &ada, &mut key, &Manner { counts: false, ..properly() }).await.problem(401, "second_factor_wrong");
    key.count = 0;
    second(&world, &ada, &mut key, &properly()).await.problem(401, "second_factor_wrong");
    second(&world, &ada, &mut key, &properly()).await.expect(201);
}

#[tokio::test]
async fn an_enrolment_is_of_the_session_that_began_it_and_happens_once() {
    let (world, ada) = World::with_ada().await;
    let (here, there, mut key) = (world.log_in(&ada).await, world.log_in(&ada).await, SecurityKey::new());
    let asked = options(&world, &here).await;
    let credential = key.create(&asked, &properly());
    add(&world, &there, &credential).await.problem(410, "passkey_challenge_over");
    for manner in [
        Manner { origin: "https://evil.test".into(), ..properly() },
        Manner { kind: Some("webauthn.get"), ..properly() },
        Manner { rp_id: Some("evil.test"), ..properly() },
        Manner { present: false, ..properly() },
    ] {
        add(&world, &here, &key.create(&asked, &manner)).await.invalid(&["credential"]);
    }
    let nameless = json!({"credential": credential});
    let nameless = world.server.post(PASSKEYS, &nameless).bearer(text(&here, "access_token")).await;
    nameless.invalid(&["name"]);
    add(&world, &here, &credential).await.expect(201);
    let refresh = json!({"refresh_token": here["refresh_token"]});
    let here = world.server.post("/v1/sessions/refresh", &refresh).await.expect(200);
    add(&world, &here, &credential).await.problem(410, "passkey_challenge_over");
    let again = options(&world, &here).await;
    assert_eq!(again["excludeCredentials"].as_array().unwrap().len(), 1);
    add(&world, &here, &key.create(&again, &properly())).await.problem(409, "passkey_exists");
    let late = options(&world, &here).await;
    world.clock.advance(TimeDelta::minutes(5));
    add(&world, &here, &SecurityKey::new().create(&late, &properly())).await.problem(410, "passkey_challenge_over");
}

#[tokio::test]
async fn a_session_is_stepped_up_by_a_passkey() {
    let (world, _, mut key, session) = ada_with_a_key().await;
    let begin = async || {
        let path = "/v1/sessions/current/step-up-options";
        world.server.request(Method::POST, path).bearer(text(&session, "access_token")).await.expect(200)
    };
    let asked = begin().await;
    assert_eq!(asked["methods"], json!(["passkey", "recovery_code"]));
    let proof = |credential: Value| json!({"proof": {"method": "passkey", "credential": credential}});
    let synced = key.get(&log_in_options(&world).await, &properly());
    step_up(&world, &session, proof(synced)).await.invalid(&["proof"]);
    let shown = proof(key.get(&asked["passkey"], &properly()));
    let stepped_up = step_up(&world, &session, shown.clone()).await.expect(200);
    assert_eq!(text(&stepped_up, "acr"), "aal2");
    step_up(&world, &session, shown).await.invalid(&["proof"]);
}

#[tokio::test]
async fn a_passkey_is_renamed_and_removed_by_its_owner() {
    let (world, _, _, session) = ada_with_a_key().await;
    let listed = send(&world, &session, Method::GET, "").await.expect(200);
    let path = format!("{PASSKEYS}/{}", text(&listed["passkeys"][0], "id"));
    let token = text(&session, "access_token");
    let shown = world.server.get(&path).bearer(token).await;
    assert_eq!(shown.header("etag"), Some("\"1\""));
    assert_eq!(shown.json["name"], "Ada's key");
    let rename = async |tag: &str, name: &str| {
        world.server.put(&path, &json!({"name": name})).bearer(token).header("if-match", tag).await
    };
    assert_eq!(rename("\"1\"", "The blue one").await.expect(200)["name"], "The blue one");
    rename("\"1\"", "The green one").await.problem(412, "passkey_edited");
    rename("\"2\"", "").await.invalid(&["name"]);

    let (bob, bobs) = world.signed_in("bob@beta.test", "Beta", &[]).await;
    world.server.get(&path).bearer(&bobs).await.problem(404, "passkey_not_found");
    let stolen = world.server.put(&path, &json!({"name": "mine"})).bearer(&bobs).header("if-match", "*").await;
    stolen.problem(404, "passkey_not_found");
    world.server.delete(&path).bearer(&bobs).await.problem(404, "passkey_not_found");
    drop(bob);
    assert_eq!(world.server.delete(&path).bearer(token).await.status, 204);
    world.server.get(&path).bearer(token).await.problem(404, "passkey_not_found");
    assert_eq!(world.count("recovery_codes").await, 0, "they stand for a factor");
}

#[tokio::test]
async fn recovery_codes_stay_while_there_is_another_factor() {
    let (world, ada) = Enrolled::ada().await;
    let mut key = SecurityKey::new();
    let synced = Manner { synced: true, ..properly() };
    let credential = key.create(&options(&world, &ada.session).await, &synced);
    let added = add(&world, &ada.session, &credential).await.expect(201);
    assert_eq!((&added["synced"], added.get("recovery_codes")), (&json!(true), None));
    assert_eq!(send(&world, &ada.session, Method::DELETE, "/totp").await.status, 204);
    assert_eq!(world.count("recovery_codes").await, 10);
    let session = alone(&world, &key.get(&log_in_options(&world).await, &synced)).await.expect(201);
    let claims = world.verifier().verify(text(&session, "access_token")).await.unwrap();
    assert_eq!(claims.amr.join(" "), "mfa swk user");
}

#[tokio::test]
async fn a_person_has_twenty_passkeys_at_most() {
    let (world, _, _, session) = ada_with_a_key().await;
    let waiting = options(&world, &session).await;
    let more = "INSERT INTO passkeys (id, user_id, credential_id, public_key, sign_count, synced, name, created_at)
        SELECT gen_random_uuid(), user_id, n::text::bytea, public_key, 0, false, name, created_at
        FROM passkeys, generate_series(1, 19) n";
    sqlx::raw_sql(more).execute(&world.platform.pool).await.unwrap();
    send(&world, &session, Method::POST, "/passkeys/options").await.problem(409, "too_many_passkeys");
    add(&world, &session, &SecurityKey::new().create(&waiting, &properly())).await.problem(409, "too_many_passkeys");
    let listed = world.server.get(FACTORS).bearer(text(&session, "access_token")).await.expect(200);
    assert_eq!(listed["passkeys"].as_array().unwrap().len(), 20);
}
