//! How what an app was given ends: by the app, by the person, by the tenant.

use super::{Browser, Provider, led_back, refused};
use crate::support::{PASSWORD, text};
use chrono::TimeDelta;
use serde_json::{Value, json};
use test_support::TestAnswer;

async fn about(provider: &Provider, path: &str, token: &str) -> TestAnswer {
    let form = [("token", token), ("client_id", &provider.client), ("client_secret", &provider.secret)];
    provider.world.server.post_form(path, &form).await
}

async fn introspect(provider: &Provider, token: &str) -> Value {
    about(provider, "/v1/oauth/introspect", token).await.expect(200)
}

/// RFC 7009 §2: either token ends both; what is unknown or another's is no fault and changes nothing.
#[tokio::test]
async fn an_app_ends_what_it_was_given() {
    let provider = Provider::start().await;
    for token in ["access_token", "refresh_token"] {
        let tokens = provider.tokens().await;
        about(&provider, "/v1/oauth/revoke", text(&tokens, token)).await.expect(200);
        provider.userinfo(&tokens).await.problem(401, "session_ended");
        refused(&provider.refresh(text(&tokens, "refresh_token")).await, 400, "invalid_grant");
        about(&provider, "/v1/oauth/revoke", text(&tokens, token)).await.expect(200);
    }
    let tokens = provider.tokens().await;
    let other = provider.register(json!({"name": "Other"})).await;
    let (id, secret) = (text(&other["client"], "id"), text(&other["secret"], "secret"));
    for token in ["access_token", "refresh_token"] {
        let form = [("token", text(&tokens, token)), ("client_id", id), ("client_secret", secret)];
        provider.world.server.post_form("/v1/oauth/revoke", &form).await.expect(200);
    }
    about(&provider, "/v1/oauth/revoke", "made up").await.expect(200);
    about(&provider, "/v1/oauth/revoke", &provider.token).await.expect(200);
    provider.userinfo(&tokens).await.expect(200);
    provider.world.server.get("/v1/me").bearer(&provider.token).await.expect(200);
    let wrong = [("token", "x"), ("client_id", id), ("client_secret", "x")];
    refused(&provider.world.server.post_form("/v1/oauth/revoke", &wrong).await, 401, "invalid_client");
    let nothing = [("client_id", id), ("client_secret", secret)];
    refused(&provider.world.server.post_form("/v1/oauth/revoke", &nothing).await, 400, "invalid_request");
}

/// RFC 7662 §2: told to whom the token was issued, and to nobody else.
#[tokio::test]
async fn a_token_is_introspected_by_its_own_app() {
    let provider = Provider::start().await;
    let tokens = provider.tokens().await;
    let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    let state = introspect(&provider, access).await;
    assert_eq!((&state["active"], &state["sub"]), (&json!(true), &json!(provider.ada.user)));
    assert_eq!((&state["client_id"], &state["scope"]), (&json!(provider.client), &tokens["scope"]));
    assert_eq!(introspect(&provider, refresh).await["active"], true);
    let inactive = json!({"active": false});
    for token in [&provider.token, "made up", text(&tokens, "id_token"), ""] {
        assert_eq!(introspect(&provider, token).await, inactive, "{token}");
    }
    let other = provider.register(json!({"name": "Other"})).await;
    let form = [
        ("token", access),
        ("client_id", text(&other["client"], "id")),
        ("client_secret", text(&other["secret"], "secret")),
    ];
    assert_eq!(provider.world.server.post_form("/v1/oauth/introspect", &form).await.expect(200), inactive);
    // A service of the platform, for which it is.
    let form = [("token", access), ("client_id", "worker"), ("client_secret", crate::support::WORKER_SECRET)];
    let told = provider.world.server.post_form("/v1/oauth/introspect", &form).await.expect(200);
    assert_eq!(told["active"], true);
    let public = provider.register(json!({"token_endpoint_auth_method": "none"})).await;
    let form = [("token", access), ("client_id", text(&public["client"], "id"))];
    refused(&provider.world.server.post_form("/v1/oauth/introspect", &form).await, 400, "unauthorized_client");
    provider.refresh(refresh).await.expect(200);
    provider.world.clock.advance(TimeDelta::minutes(11));
    for token in [access, refresh] {
        assert_eq!(introspect(&provider, token).await, inactive);
    }
}

/// RP-Initiated Logout 1.0 §2, §3.
#[tokio::test]
async fn an_app_signs_its_person_out() {
    let provider = Provider::start().await;
    let mut browser = Browser::default();
    let code = provider.code(&mut browser, &[]).await;
    let tokens = provider.exchange(&code).await.expect(200);
    let leave = |hint: &str, to: &str| {
        let query = [("id_token_hint", hint), ("post_logout_redirect_uri", to), ("state", "s")];
        let url = reqwest::Url::parse_with_params("https://x/v1/oauth/logout", query).unwrap();
        format!("/v1/oauth/logout?{}", url.query().unwrap())
    };
    let signed_in = async || {
        let silently = provider.address(&[("prompt", "none")]);
        led_back(&provider.get(&browser, &silently).await).contains_key("code")
    };
    // Anybody can make a link: without an ID token of theirs the person is asked.
    let asked = provider.get(&browser, &leave("made up", "https://app.test/bye")).await;
    assert!(asked.status == 200 && asked.text.contains("Sign out?") && signed_in().await, "{}", asked.text);
    let forced = provider.get(&browser, "/v1/oauth/logout?confirmed=yes").await;
    assert!(forced.text.contains("Sign out?") && signed_in().await);
    let forged = provider.world.server.post_form("/v1/oauth/logout", &[("confirmed", "yes")]);
    assert_eq!(forged.header("cookie", &browser.0).header("origin", "https://evil.test").await.status, 403);
    provider.userinfo(&tokens).await.expect(200);
    let left = provider.get(&browser, &leave(text(&tokens, "id_token"), "https://app.test/bye")).await;
    assert_eq!((left.status, left.header("location")), (303, Some("https://app.test/bye?state=s")));
    assert!(!signed_in().await);
    provider.userinfo(&tokens).await.problem(401, "session_ended");
    let stranger = provider.get(&Browser::default(), &leave("made up", "https://app.test/bye")).await;
    assert_eq!((stranger.status, stranger.header("location")), (200, None), "a link of ours leads a stranger nowhere");
    let crossing = provider.world.server.post_form("/v1/oauth/logout", &[("state", "s")]).await;
    assert_eq!(crossing.header("location"), Some("https://auth.test/v1/oauth/logout?state=s"), "asked by GET");
    let nowhere = provider.get(&browser, &leave(text(&tokens, "id_token"), "https://evil.test/")).await;
    assert!(nowhere.status == 200 && nowhere.text.contains("You are signed out"), "{}", nowhere.text);
    let code = provider.code(&mut browser, &[]).await;
    let tokens = provider.exchange(&code).await.expect(200);
    let done = provider.submit(&browser, "/v1/oauth/logout", &[("confirmed", "yes")]).await;
    assert!(done.text.contains("You are signed out"), "{}", done.text);
    // Whose session it is in the app only an ID token would have told.
    provider.userinfo(&tokens).await.expect(200);
}

/// A new password ends what was got by the old one, in every app and browser (ASVS 5.0 7.4.3).
#[tokio::test]
async fn a_new_password_ends_every_app_and_browser() {
    let provider = Provider::start().await;
    let mut browser = Browser::default();
    let code = provider.code(&mut browser, &[]).await;
    let tokens = provider.exchange(&code).await.expect(200);
    let silently = provider.address(&[("prompt", "none")]);
    let unused = led_back(&provider.get(&browser, &silently).await)["code"].clone();
    let change = json!({"current_password": PASSWORD, "new_password": "eight leagues, uphill"});
    provider.world.server.post("/v1/me/password", &change).bearer(&provider.token).await.expect(204);
    provider.userinfo(&tokens).await.problem(401, "session_ended");
    refused(&provider.refresh(text(&tokens, "refresh_token")).await, 400, "invalid_grant");
    refused(&provider.exchange(&unused).await, 400, "invalid_grant");
    assert_eq!(led_back(&provider.get(&browser, &silently).await)["error"], "login_required");
}

#[tokio::test]
async fn a_person_sees_and_ends_what_apps_have() {
    let provider = Provider::start().await;
    let tokens = provider.tokens().await;
    let server = &provider.world.server;
    let sessions = server.get("/v1/sessions").bearer(&provider.token).await.expect(200);
    let of_app = sessions["items"].as_array().unwrap().iter().find(|session| session["client_id"] == provider.client);
    let of_app = of_app.unwrap_or_else(|| panic!("{sessions}"));
    server.delete(&format!("/v1/sessions/{}", text(of_app, "id"))).bearer(&provider.token).await.expect(204);
    provider.userinfo(&tokens).await.problem(401, "session_ended");
    assert_eq!(provider.world.count("consents").await, 0, "it has to ask again");
}

/// ASVS 10.7.3.
#[tokio::test]
async fn a_person_sees_what_apps_were_allowed_and_takes_it_back() {
    let provider = Provider::start().await;
    let (mut browser, server) = (Browser::default(), &provider.world.server);
    let code = provider.code(&mut browser, &[]).await;
    let tokens = provider.exchange(&code).await.expect(200);
    let list = async || server.get("/v1/me/consents").bearer(&provider.token).await.expect(200)["items"].clone();
    let listed = list().await;
    assert_eq!(listed.as_array().unwrap().len(), 1);
    let [name, of, scope] = ["name", "tenant_name", "scope"].map(|field| listed[0][field].as_str().unwrap());
    assert_eq!((name, of, scope), ("Planner", "Acme", "auth.readMembers email offline_access openid profile"));
    assert_eq!(listed[0]["tenant_ids"], json!([provider.ada.tenant]));
    let path = format!("/v1/me/consents/{}", provider.client);
    // Nobody else's, and by no app.
    let bob = provider.world.account("bob@globex.test", "Globex").await;
    let bobs = provider.world.token(&bob).await;
    server.delete(&path).bearer(&bobs).await.problem(404, "consent_not_found");
    assert_eq!(server.get("/v1/me/consents").bearer(&bobs).await.expect(200)["items"], json!([]));
    server.delete(&path).bearer(text(&tokens, "access_token")).await.problem(403, "user_session_required");

    let under_way = led_back(&provider.get(&browser, &provider.address(&[])).await)["code"].clone();
    server.delete(&path).bearer(&provider.token).await.expect(204);
    provider.userinfo(&tokens).await.problem(401, "session_ended");
    refused(&provider.refresh(text(&tokens, "refresh_token")).await, 400, "invalid_grant");
    refused(&provider.exchange(&under_way).await, 400, "invalid_grant");
    assert_eq!(list().await, json!([]));
    server.get("/v1/me").bearer(&provider.token).await.expect(200);
    let silently = provider.get(&browser, &provider.address(&[("prompt", "none")])).await;
    assert_eq!(led_back(&silently)["error"], "consent_required");
    // Repeated, as what it ended is not old; later there is nothing any more.
    server.delete(&path).bearer(&provider.token).await.expect(204);
}

/// A code that was sent and not exchanged yet ends with all that the person ends, and with what their tenant ends.
#[tokio::test]
async fn a_code_under_way_ends_with_the_sessions() {
    let provider = Provider::start().await;
    let server = &provider.world.server;
    let code = provider.code(&mut Browser::default(), &[]).await;
    server.delete("/v1/sessions").bearer(&provider.token).await.expect(204);
    refused(&provider.exchange(&code).await, 400, "invalid_grant");
    let code = provider.code(&mut Browser::default(), &[]).await;
    provider.world.allow(&provider.ada, &["auth.writeMembers"]).await;
    let own = format!("/v1/members/{}/sessions", provider.ada.user);
    let token = provider.world.token(&provider.ada).await;
    server.delete(&own).bearer(&token).await.expect(204);
    refused(&provider.exchange(&code).await, 400, "invalid_grant");
}

#[tokio::test]
async fn an_app_that_is_deleted_leaves_nothing_behind() {
    let provider = Provider::start().await;
    let (tokens, mut browser) = (provider.tokens().await, Browser::default());
    let code = provider.code(&mut browser, &[]).await;
    let delete = || provider.world.server.delete(&format!("/v1/clients/{}", provider.client)).bearer(&provider.token);
    delete().await.expect(204);
    provider.userinfo(&tokens).await.problem(401, "session_ended");
    refused(&provider.refresh(text(&tokens, "refresh_token")).await, 401, "invalid_client");
    refused(&provider.exchange(&code).await, 401, "invalid_client");
    assert_eq!(provider.get(&browser, &provider.address(&[])).await.status, 400);
    delete().await.expect(204);
    provider.world.sweep(provider.world.clock.now() + TimeDelta::days(40)).await;
    for table in ["authorization_codes", "consents", "sign_ins", "sessions"] {
        assert_eq!(provider.world.count(table).await, 0, "{table}");
    }
}
