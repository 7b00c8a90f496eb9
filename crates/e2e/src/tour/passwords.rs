//! Step 3: Ada forgets her password, gets another by mail, and changes it back.

use super::{
    guide::Guide,
    http::{Call, text},
    mail,
    sessions::{log_in_as, login},
};
use anyhow::{Result, ensure};
use reqwest::Method;
use serde_json::json;

const RESETS: &str = "/v1/password-resets";
const ANOTHER: &str = "another pair of boots";

pub async fn forget(guide: &Guide) -> Result<()> {
    let ada = &guide.people.ada;
    let before = log_in_as(guide, &ada.email, ada.password).await?;
    let ask = async |email: &str| guide.post("auth", RESETS).json(&json!({ "email": email })).send().await;
    let (known, unknown) = (ask(&ada.email).await?, ask("nobody@nowhere.test").await?);
    ensure!(known.status == 202 && known.text == unknown.text, "{known}, but {unknown}");
    let link = mail::link(&guide.mail(&ada.email, "Choose a new password").await?, RESETS)?;
    let page = Call::new(&guide.http, Method::GET, &link).header("accept", "text/html").send().await?.has(200)?;
    ensure!(page.text.contains(&ada.email), "{page}");
    let choose = || Call::new(&guide.http, Method::POST, &link).json(&json!({ "new_password": ANOTHER }));
    choose().expect(200).await?;
    choose().refused(410, "link_used").await?;
    guide.get("auth", "/v1/me").bearer(&before.token).refused(401, "session_ended").await?;
    login(guide, &ada.email, ada.password).refused(401, "credentials_wrong").await?;
    guide.saw("a forgotten password: a link for who has an account, the same answer for who has none; once used, every session is over");

    let other = log_in_as(guide, &ada.email, ANOTHER).await?;
    let session = login(guide, &ada.email, ANOTHER).expect(201).await?;
    let change = json!({ "current_password": ANOTHER, "new_password": ada.password });
    let token = text(&session, "/access_token")?;
    guide.post("auth", "/v1/me/password").bearer(token).json(&change).send().await?.has(204)?;
    guide.get("auth", "/v1/me").bearer(&other.token).refused(401, "session_ended").await?;
    guide.get("auth", "/v1/me").bearer(token).expect(200).await?;
    guide.mail(&ada.email, "Your password was changed").await?;
    guide.saw("changed back by who knows it: her other session is over, hers goes on, and a mail says so");
    guide.delete("auth", "/v1/sessions/current").bearer(token).expect(204).await.map(drop)
}
