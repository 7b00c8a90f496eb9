//! Step 12: what becomes of the forum of somebody who does not pay?
//!
//! Billing would say so after the fourth reminder, two weeks later; here the tour says it in billing's place.

use super::{
    enabling::{self, Instance},
    forum,
    guide::Guide,
    http::text,
    sessions::Session,
    setup,
};
use anyhow::Result;
use chrono::{SecondsFormat, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Instant;

const TOPIC: &str = "billing-events";
const SUSPENDED: &str = "billing.account.suspended.v1";
const RESUMED: &str = "billing.account.resumed.v1";

pub async fn suspend_and_resume(guide: &Guide, ada: &Session, instance: &Instance, invoice: &Value) -> Result<()> {
    let (host, topics) = (&instance.host, "/v1/topics");
    let suspended = json!({ "invoice_id": text(invoice, "/id")?, "suspended_at": now() });
    let took = said(guide, ada, instance, (SUSPENDED, 1, suspended), 403, "Not served at the moment").await?;
    guide.saw(format!("suspended: {host} shows a page that says so, {took:.0} ms later"));
    forum::call(guide, host, Method::GET, topics).refused(403, "tenant_suspended").await?;
    forum::call(guide, &guide.people.grace.host, Method::GET, topics).expect(200).await?;
    enabling::wait_until(guide, ada, &instance.id, "suspended", |_| Ok(())).await?;
    guide.saw("programs get 403 tenant_suspended, the configurator says suspended, and Grace's forum is served");
    let another = json!({ "service": "forum", "host": format!("more-{host}"), "modules": [] });
    let asked = guide.post("configurator", "/v1/instances").bearer(&ada.token).json(&another);
    asked.refused(409, "tenant_suspended").await?;
    guide.saw("another forum: 409 tenant_suspended");

    let resumed = (RESUMED, 2, json!({ "resumed_at": now() }));
    let took = said(guide, ada, instance, resumed, 200, &setup::title(guide)).await?;
    forum::call(guide, host, Method::GET, topics).expect(200).await?;
    enabling::wait_until(guide, ada, &instance.id, "active", |_| Ok(())).await?;
    guide.saw(format!("resumed: the forum is there again, {took:.0} ms later"));
    Ok(())
}

/// Says it of Ada's tenant, and waits until her forum's first page has this status and shows this; gives after how many
/// milliseconds it did.
async fn said(
    guide: &Guide,
    ada: &Session,
    instance: &Instance,
    (kind, generation, mut data): (&str, u8, Value),
    status: u16,
    shown: &str,
) -> Result<f64> {
    (data["tenant_id"], data["generation"]) = (json!(ada.tenant_id), json!(generation));
    // The instance's own id, but for its last digits, which no other message of the tour has.
    let id = format!("{}b{generation:02}", &instance.id[..instance.id.len() - 3]);
    let message = json!({
        "specversion": "1.0", "id": id, "source": "/services/billing", "type": kind, "time": now(),
        "tenant": ada.tenant_id, "data": data,
    });
    let began = Instant::now();
    guide.publish(TOPIC, kind, &message.to_string()).await?;
    let changed = async || {
        let answer = setup::page(guide, &instance.host).send().await?;
        if answer.status == status { answer.shows(&[shown]).map(Some) } else { Ok(None) }
    };
    guide.wait(&format!("the forum to answer {status}"), changed).await?;
    Ok(began.elapsed().as_secs_f64() * 1000.0)
}

#[expect(clippy::disallowed_methods, reason = "the tour plays billing, which has its own clock")]
fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true)
}
