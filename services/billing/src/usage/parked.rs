//! Parked usage, which cannot be counted yet: it came before its instance did, or a clock runs far ahead. It is kept,
//! shown to operators, and counted as soon as it can be.

mod store;

use super::{
    model::{CLOCK_AHEAD, Disposition, Event, Reason},
    store::{self as usage, Receipt},
};
use crate::app::App;
use access::Allowed;
use axum::extract::State;
use common::{
    ambient::Ambient,
    db::{Background, CrossTenantTx, TenantTx},
    http::Query,
    page::{Page, PageQuery},
    poller::Poller,
    problem::Problem,
};
use contracts::messages::UsageRecorded;
use std::time::Duration;
use store::ParkedUsage;
use tokio_util::sync::CancellationToken;

/// What a commit wakes [`run`] for: an instance has begun, and usage that waited for it counts.
pub const RELEASE: &str = "release parked usage";
/// How often it is looked for what may count by now: clocks get there, and other processes wake nobody here.
const LOOK: Duration = Duration::from_secs(60);
/// Events taken in one transaction.
const BATCH: i64 = 500;

access::permissions! { pub ReadParkedUsage = platform "billing.readParkedUsage" }

#[utoipa::path(get, path = "/v1/parked-usage", operation_id = "listParkedUsage", tag = "usage", params(PageQuery),
    responses((status = 200, body = Page<ParkedUsage>)), security(("bearer" = ["billing.readParkedUsage"])))]
pub async fn list(
    State(app): State<App>,
    caller: Allowed<ReadParkedUsage>,
    Query(query): Query<PageQuery>,
) -> Result<Page<ParkedUsage>, Problem> {
    let page = query.check()?;
    let parked = store::page(&mut caller.begin_across_tenants(&app.db).await?, page).await?;
    Ok(Page::cut(parked, page, |parked| parked.id))
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
        let (tenant_id, instance_id, meter) = (tx.tenant(), body.instance_id, &body.meter);
        tracing::warn!(?reason, %tenant_id, %instance_id, meter, "Usage cannot be counted yet and is parked");
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
        let stays = match event.disposition(owner.as_ref(), now) {
            Disposition::Count => match usage::record(tx, ambient, &event.body).await? {
                Receipt::New | Receipt::Duplicate => None,
                Receipt::Conflict => Some(Reason::KeyUsed),
            },
            Disposition::Park(reason) => Some(reason),
            Disposition::Reject => Some(Reason::InstanceOfAnother),
        };
        match stays {
            None => store::remove(tx, *id).await?,
            Some(reason) => store::keep(tx, *id, reason).await?,
        }
    }
    Ok(due.len())
}
