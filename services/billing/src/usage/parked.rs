//! Parked usage, which does not count: it came before its instance did, a clock is far off, or something is wrong with
//! it. It is kept, shown to operators, and counted as soon as it can be.

mod store;

use super::{
    event_store,
    insert_store::Receipt,
    model::{CLOCK_AHEAD, Reason, digests, hindrance},
    store as usage,
};
use crate::app::App;
use access::Allowed;
use axum::extract::State;
use chrono::TimeDelta;
use common::{
    ambient::Ambient,
    db::{Background, CrossTenantTx, TenantTx},
    http::Query,
    page::{Page, PageQuery},
    poller::Poller,
    problem::Problem,
};
use contracts::{id::TenantId, messages::UsageRecorded};
use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};
use store::{ParkedFilter, ParkedUsage};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// What a commit wakes [`run`] for: an instance has begun, and usage that waited for it counts.
pub const RELEASE: &str = "release parked usage";
/// How often it is looked for what may count by now: clocks get there, and other processes wake nobody here.
const LOOK: Duration = Duration::from_secs(60);
/// Events taken in one transaction.
const BATCH: i64 = 500;
/// What has waited so long for its instance or its time waits for a person, too.
const EXPIRY: TimeDelta = TimeDelta::days(30);
/// How long what waits for a person is kept.
const KEPT: TimeDelta = TimeDelta::days(90);
/// Events of one service of a tenant that may count after all: those of some minutes of a busy product, or of weeks of a
/// quiet one. More are refused, and told again later. Messages that come at the same moment may each be a little over.
const MOST_PENDING: i64 = 50_000;
/// Events of one service of a tenant that do not count unless somebody does something; more would tell that person
/// nothing.
const MOST_UNFIT: i64 = 10_000;

access::permissions! { pub ReadParkedUsage = platform "billing.readParkedUsage" }

#[utoipa::path(get, path = "/v1/parked-usage", operation_id = "listParkedUsage", tag = "usage",
    params(ParkedFilter, PageQuery), responses((status = 200, body = Page<ParkedUsage>)),
    security(("bearer" = ["billing.readParkedUsage"])))]
pub async fn list(
    State(app): State<App>,
    caller: Allowed<ReadParkedUsage>,
    Query(filter): Query<ParkedFilter>,
    Query(query): Query<PageQuery>,
) -> Result<Page<ParkedUsage>, Problem> {
    let page = query.check()?;
    let parked = store::page(&mut caller.begin_across_tenants(&app.db).await?, &filter, page).await?;
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
    let now = app.ambient.now();
    let expired = store::expire(&mut tx, now, now - EXPIRY, BATCH).await?;
    let pruned = store::prune(&mut tx, now - KEPT, BATCH).await?;
    tx.commit().await?;
    if expired > 0 {
        tracing::warn!(
            events = expired,
            "Usage has waited for its instance or its time for {} days; somebody should look",
            EXPIRY.num_days()
        );
    }
    if pruned > 0 {
        tracing::warn!(events = pruned, "Usage that waited for a person for {} days is forgotten", KEPT.num_days());
    }
    let counts = store::counts(&mut background.begin_across_tenants(&app.db).await?).await?;
    for reason in Reason::ALL {
        let count = counts.iter().find(|(counted, _)| *counted == reason).map_or(0, |(_, count)| *count);
        metrics::gauge!("usage_parked", "reason" => reason.name()).set(count as f64);
    }
    Ok(looked_at == BATCH as usize || expired == BATCH as u64 || pruned == BATCH as u64)
}

/// Keeps usage of one service that does not count, as far as there is room; gives whether each event is kept.
pub async fn park(
    tx: &mut TenantTx,
    ambient: &Ambient,
    events: &[(&UsageRecorded, Reason)],
) -> sqlx::Result<Vec<bool>> {
    let Some((first, reason)) = events.first().copied() else { return Ok(Vec::new()) };
    let known = store::known(tx, events).await?;
    let mut room = Room::left(tx, &first.service).await?;
    let (mut places, mut new) = (HashMap::new(), Vec::new());
    let kept = events.iter().zip(known).map(|((event, reason), known)| {
        // Whoever says the same twice needs one place.
        *places.entry(digests(event)).or_insert_with(|| {
            let has_place = !known && room.take(*reason);
            new.extend(has_place.then_some((*event, *reason)));
            known || has_place
        })
    });
    let kept: Vec<_> = kept.collect();
    let parked = store::insert(tx, ambient, &new).await?;
    let refused = kept.iter().filter(|kept| !**kept).count();
    if parked > 0 || refused > 0 {
        let (tenant_id, instance_id, meter) = (tx.tenant(), first.instance_id, &first.meter);
        tracing::warn!(parked, refused, ?reason, %tenant_id, %instance_id, meter,
            "Usage does not count and is parked, or refused where too much is; reason and meter are those of the first");
    }
    Ok(kept)
}

/// Places for usage of one service of a tenant.
struct Room {
    pending: i64,
    unfit: i64,
}

impl Room {
    async fn left(tx: &mut TenantTx, service: &str) -> sqlx::Result<Self> {
        let pending = MOST_PENDING - store::pending(tx, service, MOST_PENDING).await?;
        Ok(Self { pending, unfit: MOST_UNFIT - store::unfit(tx, service, MOST_UNFIT).await? })
    }

    /// Whether there was a place.
    fn take(&mut self, reason: Reason) -> bool {
        let places = if reason.pends() { &mut self.pending } else { &mut self.unfit };
        *places -= 1;
        *places >= 0
    }
}

/// Counts what can be counted by now, and gives how many events were looked at: at most `BATCH`.
pub async fn release(tx: &mut CrossTenantTx, ambient: &Ambient) -> sqlx::Result<usize> {
    let now = ambient.now();
    let due = store::due(tx, now + CLOCK_AHEAD, BATCH).await?;
    let looked_at = due.len();
    let instances: Vec<Uuid> = due.iter().map(|parked| parked.instance_id.0).collect();
    let owners = usage::owners(tx, &instances).await?;
    let mut by_tenant = BTreeMap::<TenantId, Vec<(Uuid, UsageRecorded)>>::new();
    for parked in due {
        by_tenant.entry(parked.tenant_id).or_default().push((parked.id, parked.into()));
    }
    for (tenant, events) in by_tenant {
        let why_not = |event: &UsageRecorded| hindrance(tenant, event, owners.get(&event.instance_id), now);
        let (counted, stay): (Vec<_>, Vec<_>) = events.into_iter().partition(|(_, event)| why_not(event).is_none());
        let tx = tx.narrow(tenant).await?;
        let stay = stay.iter().filter_map(|(id, event)| Some((why_not(event).filter(|reason| !reason.passes())?, *id)));
        settle(tx, ambient, &counted, stay.collect()).await?;
    }
    Ok(looked_at)
}

/// Counts events of one tenant and parks them no more; the others stay, each for its reason.
async fn settle(
    tx: &mut TenantTx,
    ambient: &Ambient,
    counted: &[(Uuid, UsageRecorded)],
    mut stay: Vec<(Reason, Uuid)>,
) -> sqlx::Result<()> {
    let events: Vec<_> = counted.iter().map(|(_, event)| event).collect();
    let mut done = Vec::new();
    for ((id, _), receipt) in counted.iter().zip(event_store::record(tx, ambient, &events).await?) {
        match receipt {
            Receipt::New | Receipt::Duplicate => done.push(*id),
            Receipt::Conflict => stay.push((Reason::KeyUsed, *id)),
        }
    }
    store::remove(tx, &done).await?;
    stay.sort();
    for same in stay.chunk_by(|(one, _), (other, _)| one == other) {
        let ids: Vec<_> = same.iter().map(|(_, id)| *id).collect();
        store::keep(tx, &ids, same[0].0, ambient.now()).await?;
    }
    Ok(())
}
