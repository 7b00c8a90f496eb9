//! Step 3, its end: what is a password worth, once its owner has an authenticator app?

use super::{
    authenticator::Authenticator,
    guide::Guide,
    http::{Call, list, text},
    jwt, registration,
    sessions::{self, log_in_as},
};
use anyhow::{Result, ensure};
use serde_json::json;

const TOTP: &str = "/v1/me/second-factors/totp";
const SECOND_STEP: &str = "/v1/sessions/second-factor";

/// Judy plays in no other step: nobody has to have her telephone there.
pub async fn enrol(guide: &Guide) -> Result<()> {
    let judy = &guide.people.judy;
    registration::sign_up(guide, judy).await?;
    let (session, other) =
        (log_in_as(guide, &judy.email, judy.password).await?, log_in_as(guide, &judy.email, judy.password).await?);
    let begun = guide.post("auth", TOTP).bearer(&session.token).expect(200).await?;
    let app = Authenticator::new(text(&begun, "/secret")?)?;
    let confirm = |code: &str| {
        guide.post("auth", &format!("{TOTP}/confirmation")).bearer(&session.token).json(&json!({ "code": code }))
    };
    confirm(&app.wrong_code()).invalid(&["code"]).await?;
    let confirmed = confirm(&app.code()).expect(200).await?;
    guide.get("auth", "/v1/me").bearer(&other.token).refused(401, "session_ended").await?;
    guide.mail(&judy.email, "Your sign-in at Sevenleague was changed").await?;
    guide.saw(format!(
        "{} sets an authenticator app up, and shows a code of it: {} recovery codes, her other session is over, and a \
         mail says so",
        judy.email,
        list(&confirmed, "/recovery_codes").len()
    ));
    asked_for(guide, &app).await
}

/// The next log-in.
async fn asked_for(guide: &Guide, app: &Authenticator) -> Result<()> {
    let challenge = challenge(guide).await?;
    complete(guide, &challenge, &app.wrong_code()).refused(401, "second_factor_wrong").await?;
    let code = app.code();
    let session = complete(guide, &challenge, &code).expect(201).await?;
    complete(guide, &challenge, &code).refused(410, "login_challenge_over").await?;
    complete(guide, &self::challenge(guide).await?, &code).refused(401, "second_factor_wrong").await?;
    guide.saw(
        "her password alone: 202 with a challenge and no token; a wrong code: 401 second_factor_wrong; the right one \
         logs her in, once",
    );

    let token = text(&session, "/access_token")?;
    guide.get("auth", "/v1/me").bearer(token).expect(200).await?;
    let claims = jwt::claims(token)?;
    ensure!(claims["acr"] == "aal2" && claims["amr"] == json!(["mfa", "otp", "pwd"]), "the token says {claims}");
    guide.saw(format!("her token says acr {} by {}", claims["acr"], claims["amr"]));
    guide.delete("auth", "/v1/sessions/current").bearer(token).expect(204).await.map(drop)
}

/// By her password, which is right.
async fn challenge(guide: &Guide) -> Result<String> {
    let judy = &guide.people.judy;
    let asked = sessions::login(guide, &judy.email, judy.password).expect(202).await?;
    ensure!(
        asked["status"] == "second_factor_required" && list(&asked, "/methods").contains(&json!("totp")),
        "{asked} does not ask for the app"
    );
    ensure!(asked["access_token"].is_null() && asked["refresh_token"].is_null(), "{asked} lets her in by half");
    Ok(text(&asked, "/challenge")?.to_owned())
}

fn complete(guide: &Guide, challenge: &str, code: &str) -> Call {
    let proof = json!({ "method": "totp", "code": code });
    guide.post("auth", SECOND_STEP).json(&json!({ "challenge": challenge, "proof": proof }))
}
