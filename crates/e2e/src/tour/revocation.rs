//! Step 9: how soon does somebody lose what they are no longer allowed?

use super::{
    guide::Guide,
    http::{Call, text},
    registration,
    sessions::{self, Session},
};
use anyhow::{Result, ensure};
use reqwest::Method;
use serde_json::json;
use std::time::{Duration, Instant};

const ROLE: &str = "accountant";

pub async fn invite_and_revoke(guide: &Guide, ada: &Session) -> Result<Session> {
    let (email, password) = (&guide.people.bob_email, guide.people.bob_password);
    guide.post("auth", "/v1/invitations").bearer(&ada.token).json(&json!({ "email": email })).expect(202).await?;
    let link = registration::accept_invitation(guide, email, password).await?;
    let again = json!({ "display_name": "Bob", "password": password });
    Call::new(&guide.http, Method::POST, &link).json(&again).send().await?.has(410)?;
    let bob = sessions::log_in_as(guide, email, password).await?;
    ensure!(bob.tenant_id == ada.tenant_id, "Bob is in another tenant than Ada");
    guide.saw(format!(
        "invited by mail, {email} accepts on the page behind the link, which works once, and logs in to {}",
        guide.people.ada.tenant
    ));

    let invoices = || guide.get("billing", "/v1/invoices").bearer(&bob.token);
    invoices().refused(403, "permission_missing").await?;
    let grant = guide.post("permission", "/v1/grants").bearer(&bob.token).json(&json!({}));
    grant.refused(403, "permission_missing").await?;
    guide.saw("before any role: invoices 403, and he may grant himself nothing: 403");

    let role = json!({ "name": ROLE, "permissions": ["billing.readInvoices"] });
    guide.post("permission", "/v1/roles").bearer(&ada.token).json(&role).expect(201).await?;
    let grant = json!({ "principal": format!("user:{}", bob.user_id), "role": ROLE });
    let grant = guide.post("permission", "/v1/grants").bearer(&ada.token).json(&grant).expect(201).await?;
    invoices().expect(200).await?;
    guide.saw(format!("with the role {ROLE}: his next request is 200"));

    let sent = Instant::now();
    guide.delete("permission", &format!("/v1/grants/{}", text(&grant, "/id")?)).bearer(&ada.token).expect(204).await?;
    let answered = Instant::now();
    invoices().refused(403, "permission_missing").await?;
    guide.saw(format!(
        "revoked: his next request is 403; revoke -> denied took {:.1} ms from sending the revocation, {:.1} ms from \
         its answer",
        millis(sent.elapsed()),
        millis(answered.elapsed())
    ));
    Ok(bob)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
