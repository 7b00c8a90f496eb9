//! Stripe's webhooks: anybody may call this, and only what Stripe has signed counts.

use super::{
    collecting::COLLECT,
    event_store::{self, NewEvent},
    provider::ChargeKey,
    stripe::signature,
};
use crate::app::App;
use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Request, State},
};
use common::{
    db::Scoped,
    http::{Json, whole_body},
    limit::Limit,
    problem::Problem,
    source::Source,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::HashMap, time::Duration};
use utoipa::ToSchema;

/// Events with wrong signatures, of one network.
const WRONG_SIGNATURES: Limit = Limit { name: "payment-webhooks", most: 60, window: Duration::from_secs(60) };
const SIGNATURE: &str = "stripe-signature";
/// After any of these it is looked what has become of the charge.
const KINDS: [&str; 5] = [
    "payment_intent.canceled",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.succeeded",
];
/// Stripe's ids are never longer.
const LONGEST_ID: usize = 255;

/// An event (<https://docs.stripe.com/api/events/object>), as far as it is read.
#[derive(Debug, Deserialize, ToSchema)]
pub struct StripeEvent {
    #[schema(example = "evt_1NG8Du2eZvKYlo2CUI79vXWy")]
    id: String,
    #[serde(rename = "type")]
    #[schema(example = "payment_intent.succeeded")]
    kind: String,
    /// With the charge as its `object`.
    #[serde(default)]
    #[schema(value_type = Object)]
    data: Value,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct EventTaken {
    /// Whether it tells of a charge of ours, and was not told before.
    taken: bool,
}

#[utoipa::path(post, path = "/v1/payment-webhooks/stripe", operation_id = "receiveStripeEvent", tag = "payments",
    request_body = StripeEvent,
    params(("Stripe-Signature" = Option<String>, Header, description = "`t=<seconds>,v1=<HMAC-SHA256 in hex>`.")),
    responses((status = 200, body = EventTaken),
        (status = 400, description = "`signature_invalid`"),
        (status = 429, description = "`too_many_requests`: wrong signatures from this network.")),
    extensions(("x-no-idempotency-key" = json!("An event has an id, and counts once."))),
    security(()))]
pub async fn receive(State(app): State<App>, source: Source, request: Request) -> Result<Json<EventTaken>, Problem> {
    let signature = request.headers().get(SIGNATURE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (event, body) = read(request, &app).await?;
    let now = app.ambient.now().timestamp();
    if !signature::is_signed(&app.payments.webhook_secrets, &signature.unwrap_or_default(), &body, now) {
        app.limiter.admit(&WRONG_SIGNATURES, source).await?;
        return Err(Problem::bad_request(
            "signature_invalid",
            "The event is not signed, or not by Stripe, or too old.",
        ));
    }
    let taken = take(&app, &event).await?;
    Ok(Json(EventTaken { taken }))
}

/// The event, with the bytes that are signed. What is no event is refused as with every operation; nothing is believed
/// until the signature is.
async fn read(request: Request, app: &App) -> Result<(StripeEvent, Bytes), Problem> {
    let (parts, body) = request.into_parts();
    let bytes = whole_body(Request::from_parts(parts.clone(), body)).await?;
    let Json(event) = Json::from_request(Request::from_parts(parts, Body::from(bytes.clone())), app).await?;
    Ok((event, bytes))
}

/// Keeps an event of a charge of ours; `false` if it is none, or was told before.
async fn take(app: &App, event: &StripeEvent) -> Result<bool, Problem> {
    let Some(new) = about(event) else { return Ok(false) };
    let mut lookup = app.db.begin_lookup().await?;
    let Some(tenant) = event_store::tenant_of(&mut lookup, new.invoice_id).await? else { return Ok(false) };
    let mut tx = lookup.enter(tenant).await?;
    let is_new = event_store::insert(&mut tx, &new, app.ambient.now()).await?;
    tx.wake(COLLECT);
    tx.commit().await?;
    Ok(is_new)
}

/// The charge that an event is about; `None` if it is of another kind, or of somebody else with the same account.
fn about(event: &StripeEvent) -> Option<NewEvent<'_>> {
    let kind = KINDS.into_iter().find(|kind| *kind == event.kind)?;
    let object = &event.data["object"];
    let metadata = HashMap::<String, String>::deserialize(&object["metadata"]).ok()?;
    let key = ChargeKey::read(&metadata)?;
    let id = Some(event.id.as_str()).filter(|id| is_id(id, "evt_"))?;
    let intent_id = object["id"].as_str().filter(|id| is_id(id, "pi_"))?;
    Some(NewEvent { id, kind, invoice_id: key.invoice_id, intent_id })
}

fn is_id(text: &str, beginning: &str) -> bool {
    let rest = text.strip_prefix(beginning).unwrap_or_default();
    !rest.is_empty()
        && text.len() <= LONGEST_ID
        && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(kind: &str, id: &str, intent: &str, metadata: &Value) -> StripeEvent {
        let data = json!({"object": {"id": intent, "metadata": metadata}});
        StripeEvent { id: id.into(), kind: kind.into(), data }
    }

    #[test]
    fn only_charges_of_ours_are_taken() {
        let ours = json!({"invoice_id": "0190a5d0-0000-7000-8000-000000000001", "attempt": "2"});
        let of =
            |kind: &str, id: &str, intent: &str, metadata: &Value| about(&event(kind, id, intent, metadata)).is_some();
        assert!(KINDS.iter().all(|kind| of(kind, "evt_1", "pi_1", &ours)));
        assert!(!of("charge.refunded", "evt_1", "pi_1", &ours));
        assert!(!of(KINDS[0], "1", "pi_1", &ours) && !of(KINDS[0], &format!("evt_{}", "1".repeat(256)), "pi_1", &ours));
        assert!(!of(KINDS[0], "evt_1", "pi_1/../customers", &ours) && !of(KINDS[0], "evt_1", "", &ours));
        for metadata in [json!({}), json!(null), json!({"invoice_id": "1", "attempt": "2"}), json!([1])] {
            assert!(!of(KINDS[0], "evt_1", "pi_1", &metadata), "{metadata}");
        }
        assert!(about(&StripeEvent { id: "evt_1".into(), kind: KINDS[0].into(), data: Value::Null }).is_none());
    }
}
