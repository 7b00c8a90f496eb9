//! Step 15: how do people sign in to an app that is not ours?

use super::{
    browser::{Browser, hidden, sent_to},
    guide::Guide,
    http::{Answer, text},
    planner::{CALLBACK, NAME, Planner, SCOPE},
    sessions::Session,
};
use anyhow::{Result, ensure};
use serde_json::json;

/// The page from which a browser sends a form (Fetch Metadata).
const OURS: &str = "same-origin";
const ANOTHER_SITES: &str = "cross-site";

pub async fn sign_in(guide: &Guide, ada: &Session) -> Result<()> {
    let app = Planner::register(guide, ada).await?;
    guide.saw(format!("Ada registers the app {NAME} at {CALLBACK}, for the scope '{SCOPE}'"));
    let mut browser = Browser::new(guide);
    let strange = browser.open(&app.address("https://planner.test.example/signed-in")?).await?.has(400)?;
    ensure!(sent_to(&strange).is_err(), "{strange} leads to an address that nobody registered");
    let page = browser.open(&app.address(CALLBACK)?).await?.has(200)?.shows(&[NAME, "type=\"password\""])?;
    guide.saw("it sends her browser to the platform, which asks for her password; for an answer elsewhere: 400");

    let code = app.code(&agree(guide, ada, &mut browser, &page).await?)?;
    guide.saw("she signs in, agrees, and is led back with code, state and iss; by a form of another site: 403");
    redeem(guide, ada, &app, &code).await
}

/// Signs in on one page and agrees on the next; gives the answer that her browser carries to the app.
async fn agree(guide: &Guide, ada: &Session, browser: &mut Browser<'_>, page: &Answer) -> Result<Answer> {
    const SIGN_IN: &str = "/v1/oauth/sign-in";
    const CONSENT: &str = "/v1/oauth/consent";
    let owner = &guide.people.ada;
    let form = |password| -> Result<_> {
        Ok([("request_uri", hidden(page, "request_uri")?), ("email", &*owner.email), ("password", password)])
    };
    let wrong = browser.submit(SIGN_IN, &form("not her password at all")?, OURS).await?.has(401)?;
    wrong.shows(&["class=\"fault\"", "type=\"password\""])?;
    browser.submit(SIGN_IN, &form(owner.password)?, ANOTHER_SITES).await?.has(403)?;
    let signed_in = browser.submit(SIGN_IN, &form(owner.password)?, OURS).await?.has(303)?;
    let page = browser.open(sent_to(&signed_in)?).await?.has(200)?;
    let page = page.shows(&[NAME, "see your e-mail address", &owner.tenant])?;
    let form = [("request_uri", hidden(&page, "request_uri")?), ("tenant_id", &*ada.tenant_id), ("decision", "allow")];
    browser.submit(CONSENT, &form, ANOTHER_SITES).await?.has(403)?;
    browser.submit(CONSENT, &form, OURS).await?.has(303)
}

/// The app gets tokens for the code, once.
async fn redeem(guide: &Guide, ada: &Session, app: &Planner<'_>, code: &str) -> Result<()> {
    invalid_grant(&app.exchange_by(code, &"x".repeat(43)).await?)?;
    let tokens = app.exchange(code).await?.has(200)?.json()?;
    let whom = app.signed_in(&tokens).await?;
    ensure!(whom == *ada.user_id, "the ID token is about {whom}, and not about Ada");
    let token = text(&tokens, "/access_token")?;
    let known = app.userinfo(token)?.expect(200).await?;
    let hers = json!({ "sub": whom, "email": guide.people.ada.email, "email_verified": true });
    ensure!(known == hers, "the app knows {known}, and was allowed {hers}");
    guide.get("auth", "/v1/clients").bearer(token).refused(403, "permission_missing").await?;
    guide.saw(format!(
        "an ID token that is signed, for {NAME}, with its nonce; userinfo says {}; what she did not agree to: 403",
        guide.people.ada.email
    ));

    invalid_grant(&app.exchange(code).await?)?;
    app.userinfo(token)?.refused(401, "session_ended").await?;
    guide.saw("the code a second time: invalid_grant, and its first tokens are worth nothing more");
    Ok(())
}

/// RFC 6749 §5.2.
fn invalid_grant(answer: &Answer) -> Result<()> {
    ensure!(answer.status == 400 && answer.json()?["error"] == "invalid_grant", "{answer} instead of invalid_grant");
    Ok(())
}
