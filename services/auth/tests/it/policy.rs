//! Tenants that demand a second factor: nobody gets in without, and everybody can enrol one.

use crate::{
    authenticator::{App, Enrolled, by_code, complete, me, password, send},
    support::{Account, PASSWORD, World, id, text, variable},
};
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use test_support::TestAnswer;

const POLICY: &str = "/v1/authentication-policy";
const PERMISSIONS: [&str; 3] =
    ["auth.readAuthenticationPolicy", "auth.writeAuthenticationPolicy", "auth.inviteMembers"];

async fn edit(world: &World, session: &Value, required: bool) -> TestAnswer {
    let body = json!({"second_factor_required": required});
    world.server.put(POLICY, &body).bearer(text(session, "access_token")).header("if-match", "*").await
}

async fn refresh(world: &World, session: &Value) -> TestAnswer {
    world.server.post("/v1/sessions/refresh", &json!({"refresh_token": session["refresh_token"]})).await
}

/// Ada, who has an app and demands one, and Bob, who is logged in without.
async fn demanding() -> (World, Enrolled, Account, Value) {
    let (world, ada) = Enrolled::ada().await;
    world.allow(&ada.account, &PERMISSIONS).await;
    let bob = world.joins(&ada.account, text(&ada.session, "access_token"), "bob@acme.test").await;
    let bobs = world.log_in(&bob).await;
    edit(&world, &ada.session, true).await.expect(200);
    (world, ada, bob, bobs)
}

/// Enrols an app by the challenge of a log-in, up to its first code.
async fn begin(world: &World, challenge: &str) -> TestAnswer {
    world.server.post("/v1/sessions/second-factor/totp", &json!({"challenge": challenge})).await
}

async fn confirm(world: &World, challenge: &str, code: &str) -> TestAnswer {
    let body = json!({"challenge": challenge, "code": code});
    world.server.post("/v1/sessions/second-factor/totp/confirmation", &body).await
}

#[tokio::test]
async fn who_demands_a_factor_has_one() {
    let (world, ada) = World::with_ada().await;
    world.allow(&ada, &PERMISSIONS).await;
    let session = world.log_in(&ada).await;
    let token = text(&session, "access_token").to_owned();
    let shown = world.server.get(POLICY).bearer(&token).await;
    assert_eq!(shown.header("etag"), Some("\"1\""));
    assert_eq!(shown.expect(200), json!({"second_factor_required": false}));
    edit(&world, &session, true).await.problem(409, "no_second_factor");
    let key = json!({"name": "laptop", "permissions": ["auth.writeAuthenticationPolicy"]});
    let key = world.server.post("/v1/api-keys", &key).bearer(&token).await.expect(201);
    edit(&world, &json!({"access_token": key["secret"]}), true).await.problem(403, "user_session_required");

    let ada = Enrolled::by(&world, ada).await;
    edit(&world, &session, true).await.problem(401, "session_ended");
    let edited = edit(&world, &ada.session, true).await;
    assert_eq!(edited.header("etag"), Some("\"2\""));
    assert_eq!(edited.expect(200), json!({"second_factor_required": true}));
    let stale = json!({"second_factor_required": false});
    let stale = world.server.put(POLICY, &stale).bearer(text(&ada.session, "access_token")).header("if-match", "\"1\"");
    stale.await.problem(412, "policy_edited");
    world.clock.advance(TimeDelta::minutes(15));
    let old = refresh(&world, &ada.session).await.expect(200);
    edit(&world, &old, false).await.problem(401, "insufficient_user_authentication");
}

#[tokio::test]
async fn a_session_without_a_factor_is_not_refreshed() {
    let (world, ada, bob, bobs) = demanding().await;
    refresh(&world, &bobs).await.problem(401, "second_factor_required");
    refresh(&world, &ada.session).await.expect(200);
    // Who enrols while the token still lives has shown a factor by that.
    let app = App::new(&send(&world, &bobs, Method::POST, "/totp").await.expect(200));
    crate::authenticator::confirm(&world, &bobs, &app.code(&world, 0)).await.expect(200);
    refresh(&world, &bobs).await.expect(200);
    let asked = password(&world, &bob.email).await.expect(202);
    by_code(&world, text(&asked, "challenge"), &app.next_code(&world)).await.expect(201);
}

#[tokio::test]
async fn a_member_without_a_factor_enrols_one_at_the_log_in() {
    let (world, _, bob, bobs) = demanding().await;
    let asked = password(&world, &bob.email).await;
    assert_eq!(asked.header("set-cookie"), None);
    let asked = asked.expect(202);
    assert_eq!((text(&asked, "status"), &asked["methods"]), ("enrolment_required", &json!([])));
    let challenge = text(&asked, "challenge");
    confirm(&world, challenge, "123456").await.problem(409, "totp_not_begun");
    let app = App::new(&begin(&world, challenge).await.expect(200));
    by_code(&world, challenge, &app.code(&world, 0)).await.problem(401, "second_factor_wrong");
    confirm(&world, challenge, &app.wrong_code(&world)).await.invalid(&["code"]);
    let answer = confirm(&world, challenge, &app.code(&world, 0)).await;
    assert!(answer.header("set-cookie").unwrap().starts_with("refresh_token="));
    let session = answer.expect(201);
    assert_eq!(session["recovery_codes"].as_array().unwrap().len(), 10);
    let claims = world.verifier().verify(text(&session, "access_token")).await.unwrap();
    assert_eq!((claims.amr.join(" "), claims.acr.as_deref()), ("mfa otp pwd".to_owned(), Some("aal2")));
    me(&world, &bobs).await.problem(401, "session_ended");
    me(&world, &session).await.expect(200);
    refresh(&world, &session).await.expect(200);
    let mail = world.mails("second-factor-changed", &bob.email).await.pop().unwrap();
    assert_eq!(variable(&mail, "change"), json!("totp_added"));
    confirm(&world, challenge, &app.next_code(&world)).await.problem(410, "login_challenge_over");
    let asked = password(&world, &bob.email).await.expect(202);
    assert_eq!(text(&asked, "status"), "second_factor_required");
    let code = json!({"method": "recovery_code", "code": session["recovery_codes"][0]});
    complete(&world, text(&asked, "challenge"), code).await.expect(201);
}

#[tokio::test]
async fn who_has_a_factor_enrols_no_other_by_the_password() {
    let (world, ada, ..) = demanding().await;
    let challenge = ada.challenge(&world).await;
    begin(&world, &challenge).await.problem(409, "second_factor_exists");
    confirm(&world, &challenge, &ada.app.next_code(&world)).await.problem(409, "second_factor_exists");
    begin(&world, "never-was-one").await.problem(410, "login_challenge_over");
}

#[tokio::test]
async fn another_tenant_demands_nothing() {
    let (world, _, bob, _) = demanding().await;
    let (carol, token) = world.signed_in("carol@beta.test", "Beta", &["auth.inviteMembers"]).await;
    world.server.post("/v1/invitations", &json!({"email": bob.email})).bearer(&token).await.expect(202);
    let link = world.link("invitation", &bob.email).await;
    // What was joined first is told by the time.
    world.clock.advance(TimeDelta::seconds(1));
    let joined = world.server.post(&link, &json!({"password": PASSWORD})).await.expect(201);
    assert_eq!(id::<contracts::id::TenantId>(&joined["tenant_id"]), carol.tenant);
    let in_beta = json!({"email": bob.email, "password": PASSWORD, "tenant_id": carol.tenant});
    let session = world.server.post("/v1/sessions", &in_beta).await.expect(201);
    refresh(&world, &session).await.expect(200);
    password(&world, &bob.email).await.expect(202);
}
