//! HTTP by which products count usage: a verdict for each event.

use super::{
    intake::{self, NotTaken},
    model::Verdict,
};
use crate::app::App;
use access::{Internal, callers};
use axum::extract::State;
use chrono::Datelike;
use common::{
    http::Json,
    problem::{FieldError, Problem},
};
use contracts::{
    http::usage::{MOST_EVENTS, UsageBatch},
    messages::{UsageBatchRecorded, UsageEvent},
};
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;

/// Digits of a quantity on each side of its point.
const DIGITS: u32 = 14;
const LONGEST_METER: usize = 100;
const LONGEST_KEY: usize = 218;
/// Years of the times that PostgreSQL and everybody else can read.
const FIRST_YEAR: i32 = 1970;
const LAST_YEAR: i32 = 9999;
/// Bytes of a body. One of [`MOST_EVENTS`] with the longest names has 3.9 MB, if each of their characters is escaped as
/// two surrogates (RFC 8259, 7); the rest is for white space.
pub const LARGEST_BATCH: usize = 4 << 20;
/// Faults that one answer names.
const MOST_FAULTS: usize = 20;

callers! { pub Products = ["*"] }

/// What became of each event, in their order.
#[derive(Debug, Serialize, ToSchema)]
pub struct UsageVerdicts {
    pub verdicts: Vec<EventVerdict>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct EventVerdict {
    /// As it was sent.
    #[schema(example = "posts:42")]
    pub key: String,
    /// `accepted`, `duplicate`, or why it does not count.
    #[schema(value_type = String, example = "accepted")]
    pub verdict: Verdict,
}

#[utoipa::path(post, path = "/internal/usage-batches", operation_id = "recordUsage", tag = "usage",
    request_body = UsageBatch,
    responses((status = 200, body = UsageVerdicts),
        (status = 403, description = "`instance_of_another`: the instance is another tenant's, or another product's.")),
    extensions(("x-no-idempotency-key" = json!("Each event has a key of its own, for ever.")),
        ("x-largest-body" = json!(LARGEST_BATCH))),
    security(("platform_client" = ["*"])))]
pub async fn record(
    State(app): State<App>,
    caller: Internal<Products>,
    Json(UsageBatch { tenant_id, instance_id, events }): Json<UsageBatch>,
) -> Result<Json<UsageVerdicts>, Problem> {
    check(&events)?;
    let keys: Vec<_> = events.iter().map(|event| event.key.clone()).collect();
    let events = UsageBatchRecorded { instance_id, service: caller.client_id.clone(), events }.into_events();
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    let verdicts = intake::take_of_instance(&mut tx, &app.ambient, tenant_id, events).await?;
    tx.commit().await?;
    let verdicts = keys.into_iter().zip(verdicts).map(|(key, verdict)| EventVerdict { key, verdict });
    Ok(Json(UsageVerdicts { verdicts: verdicts.collect() }))
}

/// 422 with every fault, if there is one: then nothing is counted.
fn check(events: &[UsageEvent]) -> Result<(), Problem> {
    if events.is_empty() || events.len() > MOST_EVENTS {
        let text = format!("must be 1 to {MOST_EVENTS} events");
        return Err(Problem::invalid(vec![FieldError::new("events", "length", text)]));
    }
    let faults = events.iter().enumerate().flat_map(|(at, event)| {
        let fault = move |field: &str, code, text| FieldError::new(format!("events[{at}].{field}"), code, text);
        let text = |field, text: &str, longest: usize| {
            let sound = (1..=longest).contains(&text.chars().count()) && !text.contains('\0');
            (!sound)
                .then(|| fault(field, "length", format!("must have 1 to {longest} characters, none of them U+0000")))
        };
        let fits = event.quantity.scale() <= DIGITS && event.quantity.abs() < Decimal::from(10_i64.pow(DIGITS));
        let quantity =
            (!fits).then(|| fault("quantity", "too_large", format!("must have at most {DIGITS} digits on each side")));
        let known = (FIRST_YEAR..=LAST_YEAR).contains(&event.occurred_at.year());
        let time = (!known).then(|| fault("occurred_at", "out_of_range", "is a time of no calendar in use".into()));
        [text("meter", &event.meter, LONGEST_METER), text("key", &event.key, LONGEST_KEY), quantity, time]
            .into_iter()
            .flatten()
    });
    let faults: Vec<_> = faults.take(MOST_FAULTS).collect();
    if faults.is_empty() { Ok(()) } else { Err(Problem::invalid(faults)) }
}

impl From<NotTaken> for Problem {
    fn from(fault: NotTaken) -> Self {
        match fault {
            NotTaken::Foreign(_) => {
                Self::forbidden("instance_of_another", "The instance is another tenant's, or runs another service.")
            }
            NotTaken::Database(error) => error.into(),
        }
    }
}
