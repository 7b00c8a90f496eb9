//! The token endpoint: codes and refresh tokens.

use super::{Browser, CALLBACK, Provider, VERIFIER, claims, refused};
use crate::support::{PASSWORD, text};
use chrono::TimeDelta;
use contracts::messages::{CompromiseReason, SessionCompromised};
use serde_json::{Value, json};

/// RFC 9068 §2.2, OpenID Connect Core §2.
#[tokio::test]
async fn the_tokens_say_who_for_whom_and_within_what() {
    let provider = Provider::start().await;
    let authenticated_at = provider.world.clock.now().timestamp();
    let tokens = provider.tokens().await;
    let access = claims(&tokens["access_token"]);
    let (issuer, user) = (json!(provider.world.server.url), json!(provider.ada.user));
    assert_eq!((&access["iss"], &access["sub"], &access["aud"]), (&issuer, &user, &json!("sevenleague")));
    assert_eq!((&access["client_id"], &access["tid"]), (&json!(provider.client), &json!(provider.ada.tenant)));
    assert_eq!(access["scope"], tokens["scope"]);
    let id = claims(&tokens["id_token"]);
    assert_eq!((&id["iss"], &id["sub"], &id["aud"]), (&issuer, &user, &json!(provider.client)));
    assert_eq!(
        (&id["nonce"], &id["auth_time"], &id["sid"]),
        (&json!("n0nce"), &json!(authenticated_at), &access["sid"])
    );
    // RFC 8725 §3.11: one kind of token is not taken for another.
    let as_access = provider.world.server.get("/v1/me").bearer(text(&tokens, "id_token")).await;
    as_access.problem(401, "token_invalid");
    let without = provider.code(&mut Browser::default(), &[("scope", "email"), ("nonce", "")]).await;
    let without = provider.exchange(&without).await.expect(200);
    assert!(without.get("id_token").is_none() && without.get("refresh_token").is_none(), "{without}");
    provider.userinfo(&without).await.problem(403, "insufficient_scope");
}

/// RFC 6749 §4.1.2 and §10.5: a code works once, for a minute, for who asked; a second use ends what the first one got.
#[tokio::test]
async fn a_code_works_once() {
    let provider = Provider::start().await;
    let code = provider.code(&mut Browser::default(), &[]).await;
    let other = provider.register(json!({"name": "Other"})).await;
    let form = |client: &Value, changes: &[(&'static str, &'static str)]| {
        let mut form = vec![
            ("grant_type", "authorization_code".to_owned()),
            ("code", code.clone()),
            ("redirect_uri", CALLBACK.to_owned()),
            ("code_verifier", VERIFIER.to_owned()),
            ("client_id", text(&client["client"], "id").to_owned()),
            ("client_secret", text(&client["secret"], "secret").to_owned()),
        ];
        for (name, value) in changes {
            form.retain(|(known, _)| known != name);
            form.push((name, (*value).to_owned()));
        }
        form
    };
    let own = json!({"client": {"id": provider.client}, "secret": {"secret": provider.secret}});
    let send = async |form: Vec<(&'static str, String)>| {
        let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        provider.world.server.post_form("/v1/oauth/token", &form).await
    };
    refused(&send(form(&other, &[])).await, 400, "invalid_grant");
    refused(&send(form(&own, &[("redirect_uri", "https://app.test/")])).await, 400, "invalid_grant");
    // RFC 7636 §4.6.
    let wrong = "x".repeat(43).leak();
    refused(&send(form(&own, &[("code_verifier", wrong)])).await, 400, "invalid_grant");
    refused(&send(form(&own, &[("code_verifier", "")])).await, 400, "invalid_grant");
    let tokens = send(form(&own, &[])).await.expect(200);
    provider.userinfo(&tokens).await.expect(200);
    // Who has read the code somewhere ends nothing by it.
    refused(&send(form(&own, &[("code_verifier", wrong)])).await, 400, "invalid_grant");
    provider.userinfo(&tokens).await.expect(200);
    refused(&send(form(&own, &[])).await, 400, "invalid_grant");
    provider.userinfo(&tokens).await.problem(401, "session_ended");
    refused(&provider.refresh(text(&tokens, "refresh_token")).await, 400, "invalid_grant");
    let told = provider.world.said::<SessionCompromised>().await;
    let [told] = &told[..] else { panic!("once: {told:?}") };
    assert_eq!((told.user_id, told.reason), (provider.ada.user, CompromiseReason::CodeReused));
    assert_eq!(told.client_id, Some(provider.client.parse().unwrap()));
    let late = provider.code(&mut Browser::default(), &[]).await;
    provider.world.clock.advance(TimeDelta::seconds(60));
    refused(&provider.exchange(&late).await, 400, "invalid_grant");
    refused(&provider.exchange("made up").await, 400, "invalid_grant");
}

/// Two that show one code at once: one gets tokens, and then nobody has any.
#[tokio::test]
async fn a_code_that_is_shown_twice_at_once_is_worth_nothing() {
    let provider = Provider::start().await;
    let code = provider.code(&mut Browser::default(), &[]).await;
    let (one, two) = tokio::join!(provider.exchange(&code), provider.exchange(&code));
    let (won, lost) = if one.status == 200 { (one, two) } else { (two, one) };
    refused(&lost, 400, "invalid_grant");
    provider.userinfo(&won.expect(200)).await.problem(401, "session_ended");
}

/// OAuth 2.1 §4.3, RFC 9700 §4.14.2: rotation, and the end of all when a copy shows up.
#[tokio::test]
async fn refresh_tokens_rotate_and_belong_to_their_app() {
    let provider = Provider::start().await;
    let first = provider.tokens().await;
    let shown = text(&first, "refresh_token");
    let second = provider.refresh(shown).await.expect(200);
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_eq!(claims(&second["id_token"])["auth_time"], claims(&first["id_token"])["auth_time"]);
    let narrow = [("grant_type", "refresh_token"), ("refresh_token", text(&second, "refresh_token"))];
    let wide = provider.ask(&[&narrow[..], &[("scope", "billing.readInvoices")]].concat()).await;
    refused(&wide, 400, "invalid_scope");
    let third = provider.ask(&[&narrow[..], &[("scope", "openid")]].concat()).await.expect(200);
    assert_eq!((&third["scope"], &claims(&third["access_token"])["scope"]), (&json!("openid"), &json!("openid")));
    // Another app, and the platform's own frontend, get nothing for it; nor does an app for a frontend's.
    let newest = text(&third, "refresh_token");
    let other = provider.register(json!({"name": "Other"})).await;
    let stolen = [
        ("grant_type", "refresh_token"),
        ("refresh_token", newest),
        ("client_id", text(&other["client"], "id")),
        ("client_secret", text(&other["secret"], "secret")),
    ];
    refused(&provider.world.server.post_form("/v1/oauth/token", &stolen).await, 400, "invalid_grant");
    let server = &provider.world.server;
    server.post("/v1/sessions/refresh", &json!({"refresh_token": newest})).await.problem(401, "refresh_invalid");
    let own = provider.world.log_in(&provider.ada).await;
    refused(&provider.refresh(text(&own, "refresh_token")).await, 400, "invalid_grant");
    let fourth = provider.refresh(newest).await.expect(200);
    // The thief's copy of the first one.
    refused(&provider.refresh(shown).await, 400, "invalid_grant");
    provider.userinfo(&fourth).await.problem(401, "session_ended");
}

/// An app's token is worth what was agreed to, and never makes the app its person.
#[tokio::test]
async fn an_app_can_do_no_more_than_it_was_allowed() {
    let provider = Provider::start().await;
    let tokens = provider.tokens().await;
    let (server, token) = (&provider.world.server, text(&tokens, "access_token"));
    server.get("/v1/members").bearer(token).await.expect(200);
    server.get("/v1/clients").bearer(token).await.problem(403, "permission_missing");
    let change = json!({"current_password": PASSWORD, "new_password": "eight leagues, uphill"});
    server.post("/v1/me/password", &change).bearer(token).await.problem(403, "user_session_required");
    server.get("/v1/sessions").bearer(token).await.problem(403, "user_session_required");
    server.delete("/v1/sessions").bearer(token).await.problem(403, "user_session_required");
    let key = json!({"name": "k", "permissions": ["auth.readMembers"]});
    server.post("/v1/api-keys", &key).bearer(token).await.problem(403, "user_session_required");
    // What Ada loses, the app loses in the same moment.
    provider.world.allow(&provider.ada, &[]).await;
    server.get("/v1/members").bearer(token).await.problem(403, "permission_missing");
}

/// RFC 6749 §5.2.
#[tokio::test]
async fn refusals_are_in_the_words_of_oauth() {
    let provider = Provider::start().await;
    refused(&provider.ask(&[]).await, 400, "invalid_request");
    refused(&provider.ask(&[("grant_type", "password")]).await, 400, "unsupported_grant_type");
    refused(&provider.ask(&[("grant_type", "authorization_code")]).await, 400, "invalid_request");
    refused(&provider.ask(&[("grant_type", "refresh_token")]).await, 400, "invalid_request");
    refused(&provider.refresh("made up").await, 400, "invalid_grant");
    let platform = [("grant_type", "refresh_token"), ("refresh_token", "x"), ("client_id", "worker")];
    let platform = [&platform[..], &[("client_secret", crate::support::WORKER_SECRET)]].concat();
    refused(&provider.world.server.post_form("/v1/oauth/token", &platform).await, 400, "unauthorized_client");
}
