//! The authorization endpoint and its pages.

use super::{Browser, CALLBACK, Provider, hidden, led_back, refused};
use crate::{
    authenticator::{App, begin, confirm},
    support::{PASSWORD, World, text},
};
use chrono::TimeDelta;
use serde_json::{Value, json};

/// RFC 6749 §4.1, OpenID Connect Core §3.1, RFC 9207 §2.
#[tokio::test]
async fn a_person_signs_in_agrees_and_is_sent_back_with_a_code() {
    let provider = Provider::start().await;
    let mut browser = Browser::default();
    let page = provider.get(&browser, &provider.address(&[("login_hint", "ada@acme.test")])).await;
    assert!(page.text.contains("Planner") && page.text.contains("value=\"ada@acme.test\""), "{}", page.text);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.ends_with("form-action 'self' https://app.test"), "{policy}");
    // RFC 6749 §10.13: in no frame.
    assert!(policy.contains("frame-ancestors 'none'") && page.header("x-frame-options") == Some("DENY"), "{policy}");
    let page = provider.sign_in(&mut browser, &page).await;
    for promise in ["know who you are", "see your e-mail address", "<code>auth.readMembers</code>", "up to 30 days"] {
        assert!(page.text.contains(promise), "{promise}: {}", page.text);
    }
    let answer = led_back(&provider.allow(&browser, &page).await);
    assert_eq!((&*answer["state"], &*answer["iss"]), ("st&te", &*provider.world.server.url));
    let tokens = provider.exchange(&answer["code"]).await.expect(200);
    assert_eq!(tokens["scope"], "auth.readMembers email offline_access openid profile");
    let known = provider.userinfo(&tokens).await.expect(200);
    let by_post = provider.world.server.request(reqwest::Method::POST, "/v1/oauth/userinfo");
    assert_eq!(by_post.bearer(text(&tokens, "access_token")).await.expect(200), known);
    assert_eq!(
        known,
        json!({"sub": provider.ada.user, "name": "Ada", "email": "ada@acme.test", "email_verified": true})
    );
}

/// OpenID Connect Core §3.1.2.1: by POST as by GET; RFC 6749 §3.1: what is not known is ignored.
#[tokio::test]
async fn a_request_comes_by_a_form_as_well_and_may_say_more_than_we_know() {
    let provider = Provider::start().await;
    let address = provider.address(&[("claims", "{}"), ("display", "popup"), ("acr_values", "gold"), ("x", "y")]);
    let (path, query) = address.split_once('?').unwrap();
    let form = provider.world.server.request(reqwest::Method::POST, path);
    let page = form.body("application/x-www-form-urlencoded", query).header("accept", "text/html").await;
    assert!(page.status == 200 && page.text.contains("Planner"), "{}", page.text);
    let plain = provider.address(&[]);
    let plain = provider
        .world
        .server
        .request(reqwest::Method::POST, path)
        .body("application/x-www-form-urlencoded", plain.split_once('?').unwrap().1);
    assert_eq!(plain.await.status, 200);
    let mut browser = Browser::default();
    let page = provider.sign_in(&mut browser, &page).await;
    // Whoever is not signed in any more signs in again, and has not agreed.
    let nobody = provider.allow(&Browser::default(), &page).await;
    assert!(nobody.status == 200 && nobody.text.contains("type=\"password\""), "{}", nobody.text);
    assert!(led_back(&provider.allow(&browser, &page).await).contains_key("code"));
}

/// OpenID Connect Core §3.1.2.1: `prompt`, `max_age`; §3.1.2.6: what is answered without pages.
#[tokio::test]
async fn the_password_is_asked_for_again_only_when_the_app_wants_that() {
    let provider = Provider::start().await;
    let mut browser = Browser::default();
    let silently = provider.address(&[("prompt", "none")]);
    assert_eq!(led_back(&provider.get(&browser, &silently).await)["error"], "login_required");
    let page = provider.get(&browser, &provider.address(&[])).await;
    let page = provider.sign_in(&mut browser, &page).await;
    assert_eq!(led_back(&provider.get(&browser, &silently).await)["error"], "consent_required");
    provider.allow(&browser, &page).await;
    let again = led_back(&provider.get(&browser, &silently).await);
    provider.exchange(&again["code"]).await.expect(200);
    // More than was agreed to.
    let wider = provider.register(json!({"name": "Wide"})).await;
    let wider = text(&wider["client"], "id").to_owned();
    let page = provider.get(&browser, &provider.address(&[("client_id", &wider)])).await;
    assert!(page.text.contains("Allow Wide?"), "{}", page.text);
    provider.world.clock.advance(TimeDelta::seconds(100));
    for (parameter, value, asks) in
        [("max_age", "99", true), ("max_age", "101", false), ("prompt", "login", true), ("prompt", "consent", false)]
    {
        let page = provider.get(&browser, &provider.address(&[(parameter, value)])).await;
        assert_eq!(page.text.contains("type=\"password\""), asks, "{parameter}={value}: {}", page.text);
    }
    let page = provider.get(&browser, &provider.address(&[("prompt", "login")])).await;
    led_back(&provider.sign_in(&mut browser, &page).await);
    let page = provider.get(&browser, &provider.address(&[("prompt", "consent")])).await;
    assert!(page.text.contains("Allow Planner?"));
    provider.world.clock.advance(TimeDelta::hours(12));
    assert_eq!(led_back(&provider.get(&browser, &silently).await)["error"], "login_required");
}

/// RFC 9700 §2.1, RFC 6749 §3.1.2.4: nothing is sent to an address that is not the app's, nor of an unknown app.
#[tokio::test]
async fn nothing_leads_to_an_address_that_was_not_registered() {
    let provider = Provider::start().await;
    let nobody = uuid::Uuid::nil().to_string();
    for changes in [
        ("redirect_uri", "https://app.test/signed-in/"),
        ("redirect_uri", "https://app.test.evil.test/signed-in"),
        ("redirect_uri", "https://evil.test/"),
        ("redirect_uri", ""),
        ("client_id", nobody.as_str()),
        ("client_id", ""),
        ("request_uri", "urn:ietf:params:oauth:request_uri:x"),
    ] {
        let page = provider.get(&Browser::default(), &provider.address(&[changes])).await;
        assert_eq!((page.status, page.header("location")), (400, None), "{changes:?}: {}", page.text);
        assert!(page.header("content-type").unwrap().starts_with("text/html"), "{changes:?}");
    }
    let twice = format!("{}&redirect_uri=https%3A%2F%2Fevil.test%2F", provider.address(&[]));
    assert_eq!(provider.get(&Browser::default(), &twice).await.status, 422);
}

/// RFC 6749 §4.1.2.1, RFC 7636 §4.4.1, RFC 8707 §2, OpenID Connect Core §3.1.2.6 and §6.
#[tokio::test]
async fn what_is_wrong_with_a_request_is_told_to_the_app() {
    let provider = Provider::start().await;
    for (parameter, value, error) in [
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "", "invalid_request"),
        ("response_mode", "fragment", "invalid_request"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("scope", "openid billing.readInvoices", "invalid_scope"),
        ("scope", "admin", "invalid_scope"),
        ("resource", "https://evil.test/", "invalid_target"),
        ("prompt", "none login", "invalid_request"),
        ("prompt", "dance", "invalid_request"),
        ("max_age", "-1", "invalid_request"),
        ("request", "eyJ", "request_not_supported"),
    ] {
        let answer = led_back(&provider.get(&Browser::default(), &provider.address(&[(parameter, value)])).await);
        assert_eq!(answer["error"], error, "{parameter}={value}");
        assert_eq!((&*answer["state"], &*answer["iss"]), ("st&te", &*provider.world.server.url));
        assert!(!answer.contains_key("code"));
    }
}

/// RFC 9700 §4.7, OAuth 2.1 §7.6: no other site signs somebody in, or agrees for them.
#[tokio::test]
async fn only_our_own_pages_may_send_their_forms() {
    let provider = Provider::start().await;
    let mut browser = Browser::default();
    let page = provider.get(&browser, &provider.address(&[])).await;
    let sealed = hidden(&page);
    let form = [("request_uri", &*sealed), ("email", "ada@acme.test"), ("password", PASSWORD)];
    let send = |name: &'static str, value: &'static str| {
        provider.world.server.post_form("/v1/oauth/sign-in", &form).header(name, value)
    };
    for (header, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "none"),
        ("origin", "https://evil.test"),
        ("origin", "null"),
        ("cookie", "sign_in=x"),
    ] {
        let answer = send(header, value).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (403, None), "{header}: {value}");
    }
    assert_eq!(send("origin", crate::support::PUBLIC_URL).await.status, 303);
    let page = provider.sign_in(&mut browser, &page).await;
    let (sealed, tenant) = (hidden(&page), provider.ada.tenant.to_string());
    let form = [("request_uri", &*sealed), ("tenant_id", &*tenant), ("decision", "allow")];
    let forged = provider.world.server.post_form("/v1/oauth/consent", &form).header("cookie", &browser.0);
    assert_eq!(forged.header("origin", "https://evil.test").await.status, 403);
    assert_eq!(provider.world.count("authorization_codes").await, 0);
}

#[tokio::test]
async fn a_wrong_password_shows_the_page_again_and_a_no_is_told_to_the_app() {
    let provider = Provider::start().await;
    let mut browser = Browser::default();
    let page = provider.get(&browser, &provider.address(&[])).await;
    for (email, password) in [("ada@acme.test", "not Ada's at all"), ("nobody@acme.test", PASSWORD), ("ada", PASSWORD)]
    {
        let form = [("request_uri", &*hidden(&page)), ("email", email), ("password", password)];
        let again = provider.submit(&browser, "/v1/oauth/sign-in", &form).await;
        assert_eq!((again.status, again.header("set-cookie")), (401, None));
        assert!(again.text.contains(&format!("value=\"{email}\"")) && !again.text.contains(password), "{}", again.text);
    }
    let page = provider.sign_in(&mut browser, &page).await;
    let tenant = provider.ada.tenant.to_string();
    let form = |decision| [("request_uri", hidden(&page)), ("tenant_id", tenant.clone()), ("decision", decision)];
    let no = form("deny".to_owned());
    let no: Vec<_> = no.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(led_back(&provider.submit(&browser, "/v1/oauth/consent", &no).await)["error"], "access_denied");
    // For somebody else's tenant nobody can agree.
    let mallory = provider.world.account("mallory@evil.test", "Evil").await;
    let other = mallory.tenant.to_string();
    let foreign = [("request_uri", &*hidden(&page)), ("tenant_id", &*other), ("decision", "allow")];
    assert_eq!(provider.submit(&browser, "/v1/oauth/consent", &foreign).await.status, 403);
    assert_eq!(provider.world.count("consents").await + provider.world.count("authorization_codes").await, 0);
}

/// Whoever belongs to another tenant does not get into an app of this one.
#[tokio::test]
async fn an_app_is_for_the_members_of_its_tenant() {
    let mut provider = Provider::start().await;
    let bob = provider.world.account("bob@other.test", "Other").await;
    provider.ada = bob;
    let mut browser = Browser::default();
    let page = provider.get(&browser, &provider.address(&[])).await;
    assert_eq!(led_back(&provider.sign_in(&mut browser, &page).await)["error"], "access_denied");
}

/// RFC 9126 §2: the request is pushed by who the client is, and cannot be changed or used by another.
#[tokio::test]
async fn a_request_can_be_pushed_before() {
    let provider = Provider::start().await;
    let address = provider.address(&[]);
    let (_, query) = address.split_once('?').unwrap();
    let push = |with: &str| {
        let body = format!("{query}&client_secret={}{with}", provider.secret);
        provider
            .world
            .server
            .request(reqwest::Method::POST, "/v1/oauth/par")
            .body("application/x-www-form-urlencoded", body)
    };
    let pushed = push("").await.expect(201);
    assert_eq!(pushed["expires_in"], 90);
    let used =
        format!("/v1/oauth/authorize?client_id={}&request_uri={}", provider.client, text(&pushed, "request_uri"));
    let mut browser = Browser::default();
    let page = provider.get(&browser, &used).await;
    let page = provider.sign_in(&mut browser, &page).await;
    led_back(&provider.allow(&browser, &page).await);
    let other = provider.register(json!({"name": "Other"})).await;
    let stolen = used.replace(&provider.client, text(&other["client"], "id"));
    assert_eq!(provider.get(&browser, &stolen).await.status, 400, "another client's");
    provider.world.clock.advance(TimeDelta::seconds(91));
    assert_eq!(provider.get(&browser, &used).await.status, 400, "too old");
    refused(&push("x").await, 401, "invalid_client");
    refused(&push("&request_uri=urn").await, 400, "invalid_request");
    refused(&push("&prompt=dance").await, 400, "invalid_request");
    refused(&push("&resource=x").await, 400, "invalid_target");
}

/// RFC 8252 §7.3 and §8.6: an app on the person's own machine has any port, and is asked for each time.
#[tokio::test]
async fn an_app_that_cannot_prove_itself_is_allowed_each_time() {
    let mut provider = Provider::start().await;
    let native = json!({"token_endpoint_auth_method": "none", "redirect_uris": ["http://127.0.0.1/cb", CALLBACK]});
    let made = provider.register(native).await;
    assert!(made.get("secret").is_none(), "{made}");
    provider.client = text(&made["client"], "id").to_owned();
    let (mut browser, loopback) =
        (Browser::default(), provider.address(&[("redirect_uri", "http://127.0.0.1:51004/cb")]));
    let page = provider.get(&browser, &loopback).await;
    assert!(page.header("content-security-policy").unwrap().ends_with(" http://127.0.0.1:51004"));
    let page = provider.sign_in(&mut browser, &page).await;
    let answer = provider.allow(&browser, &page).await;
    assert!(answer.header("location").unwrap().starts_with("http://127.0.0.1:51004/cb?code="));
    assert!(provider.get(&browser, &loopback).await.text.contains("Allow Planner?"), "asked again");
    assert!(led_back(&provider.get(&browser, &provider.address(&[])).await).contains_key("code"), "a page is proved");
}

/// RFC 8414 §3, OpenID Connect Discovery §4: both documents say the same, and every address leads somewhere.
#[tokio::test]
async fn discovery_names_every_endpoint() {
    let world = World::start().await;
    let openid = world.server.get("/.well-known/openid-configuration").await.expect(200);
    let oauth = world.server.get("/.well-known/oauth-authorization-server").await.expect(200);
    assert_eq!((&openid, openid["issuer"].as_str()), (&oauth, Some(&*world.server.url)));
    for (name, address) in openid.as_object().unwrap() {
        let address = address.as_str().unwrap_or_default();
        if name.ends_with("_endpoint") || name == "jwks_uri" {
            let path = address.strip_prefix(crate::support::PUBLIC_URL).unwrap_or_else(|| panic!("{name}: {address}"));
            assert_ne!(world.server.get(path).await.status, 404, "{name}");
        }
    }
    assert_eq!(openid["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(openid["authorization_response_iss_parameter_supported"], true);
}

/// OpenID Connect Core §2 (`acr`, `amr`), ASVS 5.0 6.3.3: a password is not enough for whoever has a second factor.
#[tokio::test]
async fn the_page_asks_for_the_second_factor_as_well() {
    let provider = Provider::start().await;
    let world = &provider.world;
    let session = world.log_in(&provider.ada).await;
    let app = App::new(&begin(world, &session).await.expect(200));
    let made = confirm(world, &session, &app.code(world, 0)).await.expect(200);
    let recovery = made["recovery_codes"][0].as_str().unwrap().to_owned();
    let mut browser = Browser::default();
    let page = provider.get(&browser, &provider.address(&[])).await;
    let form = [("request_uri", &*hidden(&page)), ("email", &*provider.ada.email), ("password", PASSWORD)];
    let page = provider.submit(&browser, "/v1/oauth/sign-in", &form).await;
    assert_eq!((page.status, page.header("set-cookie")), (200, None), "{}", page.text);
    assert!(page.text.contains("authenticator app"), "{}", page.text);
    let (sealed, challenge) = (hidden(&page), super::value(&page, "challenge"));
    let answer = async |browser: &Browser, code: &str| {
        let form = [("request_uri", &*sealed), ("challenge", &*challenge), ("code", code)];
        provider.submit(browser, "/v1/oauth/second-factor", &form).await
    };
    let wrong = answer(&browser, &app.wrong_code(world)).await;
    assert_eq!((wrong.status, wrong.header("set-cookie")), (401, None), "{}", wrong.text);
    let right = answer(&browser, &app.next_code(world)).await;
    assert_eq!(right.status, 303, "{}", right.text);
    browser.keep(&right);
    assert_eq!(answer(&browser, &recovery).await.status, 410, "a challenge works once");
    let next = right.header("location").unwrap().strip_prefix(crate::support::PUBLIC_URL).unwrap().to_owned();
    let page = provider.get(&browser, &next).await;
    let code = led_back(&provider.allow(&browser, &page).await)["code"].clone();
    let tokens = provider.exchange(&code).await.expect(200);
    for token in ["access_token", "id_token"] {
        let claims = super::claims(&tokens[token]);
        assert_eq!((&claims["acr"], &claims["amr"]), (&json!("aal2"), &json!(["mfa", "otp", "pwd"])), "{token}");
    }
    // And by a recovery code.
    let (other, page) = (Browser::default(), provider.get(&Browser::default(), &provider.address(&[])).await);
    let form = [("request_uri", &*hidden(&page)), ("email", &*provider.ada.email), ("password", PASSWORD)];
    let page = provider.submit(&other, "/v1/oauth/sign-in", &form).await;
    let form = [("request_uri", hidden(&page)), ("challenge", super::value(&page, "challenge")), ("code", recovery)];
    let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(provider.submit(&other, "/v1/oauth/second-factor", &form).await.status, 303);
}

/// What somebody allowed an app is not allowed to whatever the app is made into (RFC 9700 §4.11.1).
#[tokio::test]
async fn an_app_that_is_made_into_another_asks_again() {
    let provider = Provider::start().await;
    let mut browser = Browser::default();
    let code = provider.code(&mut browser, &[]).await;
    let tokens = provider.exchange(&code).await.expect(200);
    let silently =
        |changes: &[(&'static str, &'static str)]| provider.address(&[&[("prompt", "none")], changes].concat());
    let path = format!("/v1/clients/{}", provider.client);
    let edit = async |changes: Value| {
        let mut body = json!({"name": "Planner", "redirect_uris": [CALLBACK], "scope": "openid email offline_access"});
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
        }
        provider.world.clock.advance(TimeDelta::seconds(1));
        provider.world.server.put(&path, &body).bearer(&provider.token).header("if-match", "*").await.expect(200);
        provider.world.clock.advance(TimeDelta::seconds(1));
    };
    let narrow = [("scope", "openid email offline_access")];
    // Less to ask for: nobody is asked, and a refresh gives less.
    edit(json!({})).await;
    assert!(led_back(&provider.get(&browser, &silently(&narrow)).await).contains_key("code"));
    let refreshed = provider.refresh(text(&tokens, "refresh_token")).await.expect(200);
    assert_eq!(refreshed["scope"], "email offline_access openid");
    assert_eq!(led_back(&provider.get(&browser, &silently(&[])).await)["error"], "invalid_scope");
    // Another address, or another name: everybody is asked. A page that was open before leads nowhere else.
    let open = provider.get(&browser, &provider.address(&[&[("prompt", "consent")][..], &narrow].concat())).await;
    edit(json!({"redirect_uris": ["https://evil.test/"]})).await;
    assert_eq!(provider.allow(&browser, &open).await.status, 400);
    let there = [&narrow[..], &[("redirect_uri", "https://evil.test/")]].concat();
    let there = provider.get(&browser, &silently(&there)).await;
    assert!(there.header("location").unwrap().starts_with("https://evil.test/?error=consent%5Frequired"));
    edit(json!({})).await;
    assert_eq!(led_back(&provider.get(&browser, &silently(&narrow)).await)["error"], "consent_required");
    let page = provider.get(&browser, &provider.address(&narrow)).await;
    assert!(led_back(&provider.allow(&browser, &page).await).contains_key("code"));
    assert!(led_back(&provider.get(&browser, &silently(&narrow)).await).contains_key("code"));
    // A page that was open before the edit is not about what the app is now.
    let open = provider.get(&browser, &provider.address(&[&[("prompt", "consent")][..], &narrow].concat())).await;
    edit(json!({"name": "Payroll"})).await;
    assert_eq!(provider.allow(&browser, &open).await.status, 400);
    let listed = provider.world.server.get("/v1/me/consents").bearer(&provider.token).await.expect(200);
    assert_eq!((&listed["items"][0]["name"], &listed["items"][0]["asks_again"]), (&json!("Payroll"), &json!(true)));
    edit(json!({})).await;
    let page = provider.get(&browser, &provider.address(&narrow)).await;
    assert!(led_back(&provider.allow(&browser, &page).await).contains_key("code"));
    // What was allowed to the app that it was before did not come back with that.
    edit(json!({"scope": "openid email offline_access auth.readMembers"})).await;
    let wide = silently(&[("scope", "openid auth.readMembers")]);
    assert_eq!(led_back(&provider.get(&browser, &wide).await)["error"], "consent_required");
    edit(json!({"name": "Payroll"})).await;
    assert_eq!(led_back(&provider.get(&browser, &silently(&narrow)).await)["error"], "consent_required");
}
