//! Who does not get in by a provider's word, and whose sign-in it is.

use super::{
    BACK, Globex, Jar, PROVIDERS, asked,
    provider::{Answer, Liar},
    refused,
};
use crate::{oauth::claims, support::text};
use chrono::TimeDelta;
use serde_json::json;

#[tokio::test]
async fn only_a_member_with_a_verified_address_gets_in() {
    let (globex, liar, provider) = Globex::with_liar().await;
    let world = &globex.world;
    world.account("eve@evil.test", "Evil").await;
    let accounts = world.count("users").await;
    for (changes, status, sentence) in [
        (json!({"email_verified": false}), 403, "has verified your e-mail"),
        (json!({"email_verified": "true"}), 403, "has verified your e-mail"),
        (json!({"email_verified": null}), 403, "has verified your e-mail"),
        (json!({"email": "ada@acme.test,x@x.test"}), 403, "has verified your e-mail"),
        // Somebody else's member, and nobody's, are told the same.
        (json!({"email": "eve@evil.test"}), 403, "You do not belong to that tenant."),
        (json!({"email": "nobody@acme.test"}), 403, "You do not belong to that tenant."),
    ] {
        refused(&globex.lie(&mut Jar::default(), &liar, provider, changes).await, status, sentence);
    }
    assert_eq!((world.count("users").await, world.count("identities").await), (accounts, 0));
    // Who is invited only is no member, and does not become one.
    let invited = json!({"email": "bob@acme.test"});
    world.server.post("/v1/invitations", &invited).bearer(&globex.token).await.expect(202);
    let answer = globex.lie(&mut Jar::default(), &liar, provider, json!({"email": "bob@acme.test"})).await;
    refused(&answer, 403, "You do not belong to that tenant.");
    let session = globex.session(&liar, provider, json!({"email": "ADA@acme.test"})).await;
    assert_eq!(session["user"]["id"], json!(globex.ada.user));
}

#[tokio::test]
async fn a_member_is_known_by_the_providers_name_for_them() {
    let (globex, liar, provider) = Globex::with_liar().await;
    globex.session(&liar, provider, json!({})).await;
    // Their address there counts no more.
    let moved = json!({"email": "olga@globex.test", "email_verified": false});
    assert_eq!(globex.session(&liar, provider, moved).await["user"]["id"], json!(globex.ada.user));
    // Who has got their address since is somebody else.
    let heir = globex.lie(&mut Jar::default(), &liar, provider, json!({"sub": "another"})).await;
    refused(&heir, 409, "by another name");
    // A removal ends it, and whoever comes back is recognised anew.
    let path = format!("/v1/members/{}", globex.ada.user);
    globex.world.server.delete(&path).bearer(&globex.token).await.expect(204);
    assert_eq!(globex.world.count("identities").await, 0);
    let gone = globex.lie(&mut Jar::default(), &liar, provider, json!({})).await;
    refused(&gone, 403, "You do not belong to that tenant.");
    globex.world.joins(&globex.olga, &globex.token, "ada@acme.test").await;
    globex.session(&liar, provider, json!({"sub": "another"})).await;
}

/// RFC 6749 §10.12, RFC 9700 §4.7: nobody ends a sign-in that another browser has begun.
#[tokio::test]
async fn a_sign_in_is_of_one_browser_and_ten_minutes_and_happens_once() {
    let (globex, liar, provider) = Globex::with_liar().await;
    let (mut own, mut other) = (Jar::default(), Jar::default());
    let question = asked(&globex.begin(&mut own, provider).await);
    let others = asked(&globex.begin(&mut other, provider).await);
    liar.say(&globex.world, &question, json!({}));
    let code = |state: &str| [("code", "c0de".to_owned()), ("state", state.to_owned())];
    let back = async |jar: &mut Jar, state: &str| {
        let [code, state] = code(state);
        globex.come_back(jar, provider, &[(code.0, &code.1), (state.0, &state.1)]).await
    };
    for (mut jar, state) in [
        (other.clone(), &*question["state"]),
        (own.clone(), &*others["state"]),
        (Jar::default(), &*question["state"]),
        (own.clone(), "made up"),
        (own.clone(), ""),
    ] {
        refused(&back(&mut jar, state).await, 410, "begun in another browser");
    }
    assert!(liar.heard("/token").is_empty(), "nobody's code is used up for that");
    // The liar hands the code of one browser to another: what it was asked there is not what this one has asked.
    refused(&back(&mut other, &others["state"]).await, 502, "of another sign-in");
    assert_eq!(back(&mut own, &question["state"]).await.status, 303);
    refused(&back(&mut own, &question["state"]).await, 410, "over already");
    let late = asked(&globex.begin(&mut own, provider).await);
    globex.world.clock.advance(TimeDelta::minutes(10));
    liar.say(&globex.world, &late, json!({}));
    refused(&back(&mut own, &late["state"]).await, 410, "took too long");
}

/// Both have the code before either is used.
#[tokio::test]
async fn two_who_come_back_at_once_are_one() {
    let (globex, liar, provider) = Globex::with_liar().await;
    let mut jar = Jar::default();
    let question = asked(&globex.begin(&mut jar, provider).await);
    liar.say(&globex.world, &question, json!({}));
    let (globex, jar, state) = (&globex, &jar, &*question["state"]);
    let both = (0..4).map(async |_| {
        globex.come_back(&mut jar.clone(), provider, &[("code", "c0de"), ("state", state)]).await.status
    });
    let mut statuses = futures_util::future::join_all(both).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 410, 410, 410]);
}

/// RFC 9700 §4.4: a provider that leads to another one does not get what that one gives.
#[tokio::test]
async fn providers_are_not_mixed_up() {
    let (globex, honest, of_honest) = Globex::with_liar().await;
    let evil = Liar::start().await;
    let of_evil = globex.provider(&evil.issuer, "us", "s3cret").await;
    let mut jar = Jar::default();
    let question = asked(&globex.begin(&mut jar, of_evil).await);
    // The honest one answers to its own address, whatever `redirect_uri` the evil one has named.
    honest.say(&globex.world, &question, json!({}));
    let answer = [("code", "c0de"), ("state", &*question["state"])];
    refused(&globex.come_back(&mut jar, of_honest, &answer).await, 410, "Begin again");
    let named = [&answer[..], &[("iss", &*honest.issuer)]].concat();
    refused(&globex.come_back(&mut jar, of_evil, &named).await, 502, "the provider that was asked");
    assert!(evil.heard("/token").is_empty() && honest.heard("/token").is_empty(), "the code has stayed here");
}

/// Another site cannot have somebody signed in behind their back, as whomever its own provider says.
#[tokio::test]
async fn who_comes_from_another_site_is_asked() {
    let (globex, _, provider) = Globex::with_liar().await;
    let path = format!("{PROVIDERS}/{provider}/sign-in?return_to=https%3A%2F%2Fapp.test%2F%3Fa%3D%22");
    let path = path.replace("%22", "b");
    let mut jar = Jar::default();
    let page = globex.open_page(&mut jar, &path, "cross-site").await;
    refused(&page, 200, "Sign in to Globex?");
    assert!(
        page.text.contains("<strong>Staff</strong>") && page.text.contains("https:&#x2f;&#x2f;app.test"),
        "{}",
        page.text
    );
    assert!(!jar.has("identity_sign_in"));
    let link = page.text.split("href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&#x2f;", "/");
    assert_eq!(globex.open_page(&mut jar, &link, "same-origin").await.status, 303);
    for (query, status) in [("", 422), ("?return_to=https%3A%2F%2Fevil.test%2F", 422), ("?return_to=%2F", 422)] {
        let answer = globex.open_page(&mut jar, &format!("{PROVIDERS}/{provider}/sign-in{query}"), "none").await;
        refused(&answer, status, "frontend");
    }
    let long = format!("{PROVIDERS}/{provider}/sign-in?return_to={BACK}{}", "x".repeat(400));
    refused(&globex.open_page(&mut jar, &long, "none").await, 422, "400 characters");
    let unknown = format!("{PROVIDERS}/{}/sign-in?return_to=https://app.test", globex.olga.tenant);
    refused(&globex.open_page(&mut jar, &unknown, "none").await, 404, "no such identity provider");
}

#[tokio::test]
async fn a_tenant_that_demands_two_factors_wants_them_of_its_provider() {
    let (globex, liar, provider) = Globex::with_liar().await;
    let once = globex.session(&liar, provider, json!({})).await;
    let demand = "UPDATE tenants SET second_factor_required = true";
    sqlx::raw_sql(demand).execute(&globex.world.platform.pool).await.unwrap();
    for amr in [json!(null), json!(["pwd"]), json!(["pwd", "pin"])] {
        let answer = globex.lie(&mut Jar::default(), &liar, provider, json!({"amr": amr})).await;
        refused(&answer, 403, "demands a second factor");
    }
    let refresh = json!({"refresh_token": text(&once, "refresh_token")});
    globex.world.server.post("/v1/sessions/refresh", &refresh).await.problem(401, "second_factor_required");
    for amr in [json!(["pwd", "mfa"]), json!(["pwd", "otp"])] {
        let session = globex.session(&liar, provider, json!({"amr": amr})).await;
        let said = claims(&session["access_token"]);
        assert_eq!((&said["amr"], &said["acr"]), (&json!(["fed", "mfa"]), &json!("aal2")));
    }
}

/// The provider knows nothing of who leaves it, so it is asked again each day.
#[tokio::test]
async fn a_session_lasts_half_a_day_and_began_when_the_provider_says() {
    let (globex, liar, provider) = Globex::with_liar().await;
    let before = globex.world.clock.now().timestamp() - 3000;
    let session = globex.session(&liar, provider, json!({"auth_time": before})).await;
    assert_eq!(claims(&session["access_token"])["auth_time"], before);
    globex.world.clock.advance(TimeDelta::hours(12));
    let refresh = json!({"refresh_token": text(&session, "refresh_token")});
    globex.world.server.post("/v1/sessions/refresh", &refresh).await.problem(401, "session_ended");
}

/// Strangers begin sign-ins and come back; each may be a call to somebody.
#[tokio::test]
async fn a_network_begins_only_so_many() {
    let (globex, liar, provider) = Globex::with_liar().await;
    let mut jar = Jar::default();
    let mut last = globex.begin(&mut jar, provider).await;
    let state = asked(&last)["state"].clone();
    for _ in 0..130 {
        if last.status == 429 {
            break;
        }
        last = globex.begin(&mut jar, provider).await;
    }
    assert_eq!(last.status, 429, "{}", last.text);
    // What another site has a browser load calls nobody, and counts for nothing.
    for _ in 0..130 {
        let answer = globex.come_back(&mut jar, provider, &[("code", "x"), ("state", "x")]).await;
        assert_eq!(answer.status, 410, "{}", answer.text);
    }
    liar.answer("/token", Answer::Status(503, json!({})));
    let back = [("code", "x"), ("state", &*state)];
    for _ in 0..120 {
        assert_eq!(globex.come_back(&mut jar, provider, &back).await.status, 503);
    }
    assert_eq!(globex.come_back(&mut jar, provider, &back).await.status, 429);
}
