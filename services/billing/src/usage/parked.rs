//! Usage that cannot be counted yet: it came before its instance did, or a clock runs far ahead. It is kept, shown to operators, and counted as soon as
//! it can be.

mod store;

use super::{
    model::{CLOCK_AHEAD, Event, Standing},
    store::{self as usage, Receipt},
};
use crate::app::App;
use access::Allowed;
use axum::extract::State;
use chrono::{DateTime, Utc};
use common::{
    ambient::Ambient,
    db::{Background, CrossTenantTx, TenantTx},
    http::{Json, Query},
    page::{Page, PageQuery},
    poller::Poller,
    problem::Problem,
};
use contracts::{
    id::{InstanceId, TenantId},
    messages::UsageRecorded,
};
use rust_decimal::Decimal;
use serde::Serialize;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;
use uuid::Uuid;

/// What a commit wakes [`run`] for: an instance has begun, and usage that waited for it counts.
pub const RELEASE: &str = "release parked usage";
/// How often it is looked for what may count by now: clocks get there, and other processes wake nobody here.
const LOOK: Duration = Duration::from_secs(60);
/// Events taken in one transaction.
const BATCH: i64 = 500;

access::permissions! { pub ReadParkedUsage = platform "billing.readParkedUsage" }

/// Why an event does not count yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Reason {
    /// None of the instance's features has been enabled, as far as billing has heard.
    InstanceUnknown,
    /// By the producer's clock it happens more than a day from now.
    InTheFuture,
    /// The instance turned out to be another tenant's, or to run another service. Passes only by hand.
    InstanceOfAnother,
    /// Other usage under the same key was counted meanwhile. Passes only by hand.
    KeyUsed,
}

impl Reason {
    const ALL: [(Self, &str); 4] = [
        (Self::InstanceUnknown, "instance_unknown"),
        (Self::InTheFuture, "in_the_future"),
        (Self::InstanceOfAnother, "instance_of_another"),
        (Self::KeyUsed, "key_used"),
    ];
}

/// Something that was metered and does not count yet.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ParkedUsage {
    pub id: Uuid,
    pub tenant_id: TenantId,
    #[schema(example = "forum")]
    pub service: String,
    pub instance_id: InstanceId,
    #[schema(example = "forum.posts")]
    pub meter: String,
    pub key: String,
    pub quantity: Decimal,
    pub occurred_at: DateTime<Utc>,
    pub received_at: DateTime<Utc>,
    pub reason: Reason,
}

impl From<ParkedUsage> for Event {
    fn from(parked: ParkedUsage) -> Self {
        let ParkedUsage { tenant_id: tenant, service, instance_id, meter, key, quantity, occurred_at, .. } = parked;
        Self { tenant, body: UsageRecorded { instance_id, service, meter, key, quantity, occurred_at } }
    }
}

#[utoipa::path(get, path = "/v1/parked-usage", operation_id = "listParkedUsage", tag = "usage", params(PageQuery),
    responses((status = 200, body = Page<ParkedUsage>)), security(("bearer" = ["billing.readParkedUsage"])))]
pub async fn list(
    State(app): State<App>,
    caller: Allowed<ReadParkedUsage>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<ParkedUsage>>, Problem> {
    let page = query.check()?;
    let parked = store::page(&mut caller.begin_across_tenants(&app.db).await?, page).await?;
    Ok(Json(Page::cut(parked, page, |parked| parked.id)))
}

/// Counts what can be counted by now, and says how much still waits, until `shutdown`.
pub async fn run(app: App, background: Background, shutdown: CancellationToken) {
    let mut poller = Poller::new(app.db.wake(RELEASE), LOOK, shutdown);
    while poller.next().await {
        poller.report(look(&app, background).await, "Parked usage cannot be looked through; it stays where it is");
    }
}

/// Looks through one batch; gives whether there may be more.
async fn look(app: &App, background: Background) -> sqlx::Result<bool> {
    let mut tx = background.begin_across_tenants(&app.db).await?;
    let looked_at = release(&mut tx, &app.ambient).await?;
    tx.commit().await?;
    let counts = store::counts(&mut background.begin_across_tenants(&app.db).await?).await?;
    for (reason, name) in Reason::ALL {
        let count = counts.iter().find(|(counted, _)| *counted == reason).map_or(0, |(_, count)| *count);
        metrics::gauge!("usage_parked", "reason" => name).set(count as f64);
    }
    Ok(looked_at == BATCH as usize)
}

/// Keeps usage that does not count yet.
pub async fn park(tx: &mut TenantTx, ambient: &Ambient, body: &UsageRecorded, reason: Reason) -> sqlx::Result<Receipt> {
    let receipt = store::insert(tx, ambient, body, reason).await?;
    if receipt == Receipt::New {
        tracing::warn!(?reason, tenant_id = %tx.tenant(), instance_id = %body.instance_id, meter = body.meter, "Usage cannot be counted yet and is parked");
    }
    Ok(receipt)
}

/// Counts what can be counted by now, and gives how many events were looked at: at most `BATCH`.
pub async fn release(tx: &mut CrossTenantTx, ambient: &Ambient) -> sqlx::Result<usize> {
    let now = ambient.now();
    let mut due = Vec::new();
    for parked in store::due(tx, now + CLOCK_AHEAD, BATCH).await? {
        let owner = usage::owner(tx, parked.instance_id).await?;
        due.push((parked.id, Event::from(parked), owner));
    }
    for (id, event, owner) in &due {
        let tx = tx.narrow(event.tenant).await?;
        let stays = match event.standing(owner.as_ref(), now) {
            Standing::Counts => match usage::record(tx, ambient, &event.body).await? {
                Receipt::New | Receipt::Duplicate => None,
                Receipt::Conflict => Some(Reason::KeyUsed),
            },
            Standing::Waits(reason) => Some(reason),
            Standing::Foreign => Some(Reason::InstanceOfAnother),
        };
        match stays {
            None => store::remove(tx, *id).await?,
            Some(reason) => store::keep(tx, *id, reason).await?,
        }
    }
    Ok(due.len())
}
