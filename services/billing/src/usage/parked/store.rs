//! SQL of usage that does not count.

use crate::usage::{
    insert_store::Columns,
    model::{Reason, digests},
};
use chrono::{DateTime, Utc};
use common::{
    ambient::Ambient,
    db::{CrossTenantTx, TenantTx},
    page::PageRequest,
};
use contracts::{
    id::{InstanceId, TenantId},
    messages::UsageRecorded,
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Something that was metered and does not count.
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
    #[schema(format = "decimal")]
    pub quantity: Decimal,
    pub occurred_at: DateTime<Utc>,
    pub received_at: DateTime<Utc>,
    pub reason: Reason,
    /// Since when it waits for a person; absent while its reason may pass by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<DateTime<Utc>>,
}

impl From<ParkedUsage> for UsageRecorded {
    fn from(parked: ParkedUsage) -> Self {
        let ParkedUsage { service, instance_id, meter, key, quantity, occurred_at, .. } = parked;
        Self { instance_id, service, meter, key, quantity, occurred_at }
    }
}

/// Which of the events that were parked.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ParkedFilter {
    /// Only this tenant's.
    pub tenant_id: Option<TenantId>,
    /// Only this instance's.
    pub instance_id: Option<InstanceId>,
    /// Only those that do not count for this reason.
    #[param(inline)]
    pub reason: Option<Reason>,
}

/// Which of the events are parked already: same key, same body.
pub async fn known(tx: &mut TenantTx, events: &[(&UsageRecorded, Reason)]) -> sqlx::Result<Vec<bool>> {
    let known = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM usage_parked p WHERE p.tenant_id = $1 AND p.service = given.service
             AND p.key = given.key AND p.body = given.body) AS "known!"
           FROM UNNEST($2::text[], $3::text[], $4::uuid[]) WITH ORDINALITY AS given (service, key, body, place)
           ORDER BY given.place"#,
        tx.tenant().0,
        &events.iter().map(|(event, _)| event.service.clone()).collect::<Vec<_>>(),
        &events.iter().map(|(event, _)| event.key.clone()).collect::<Vec<_>>(),
        &bodies(events)
    );
    known.fetch_all(&mut **tx).await
}

fn bodies(events: &[(&UsageRecorded, Reason)]) -> Vec<Uuid> {
    events.iter().map(|(event, _)| digests(event).1).collect()
}

/// Each once under its key and body; gives how many were not there yet.
pub async fn insert(tx: &mut TenantTx, ambient: &Ambient, events: &[(&UsageRecorded, Reason)]) -> sqlx::Result<u64> {
    let now = ambient.now();
    let given = Columns::of(ambient, &events.iter().map(|(event, _)| *event).collect::<Vec<_>>());
    // In the order of their keys, so that nobody waits in a circle.
    let inserted = sqlx::query!(
        "INSERT INTO usage_parked (id, tenant_id, service, key, body, instance_id, meter, quantity, occurred_at,
           received_at, reason, waiting_since)
         SELECT id, $1, service, key, body, instance_id, meter, quantity, occurred_at, $2, reason, waiting_since
         FROM UNNEST($3::uuid[], $4::text[], $5::text[], $6::uuid[], $7::uuid[], $8::text[], $9::numeric[],
           $10::timestamptz[], $11::text[], $12::timestamptz[]) AS given (id, service, key, body, instance_id, meter,
             quantity, occurred_at, reason, waiting_since)
         ORDER BY service, key, body, id ON CONFLICT (tenant_id, service, key, body) DO NOTHING",
        tx.tenant().0,
        now,
        &given.ids,
        &given.services,
        &given.keys,
        &bodies(events),
        &given.instances,
        &given.meters,
        &given.quantities,
        &given.times,
        &events.iter().map(|(_, reason)| reason.name().to_owned()).collect::<Vec<_>>(),
        &events.iter().map(|(_, reason)| waiting(*reason, now)).collect::<Vec<_>>() as &[Option<DateTime<Utc>>]
    );
    Ok(inserted.execute(&mut **tx).await?.rows_affected())
}

/// From when on it waits for a person.
fn waiting(reason: Reason, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    (!reason.passes()).then_some(now)
}

/// How many of a service's events of the tenant may count after all; `most` if they are as many or more.
pub async fn pending(tx: &mut TenantTx, service: &str, most: i64) -> sqlx::Result<i64> {
    let pending = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM (SELECT FROM usage_parked WHERE tenant_id = $1 AND service = $2
           AND reason IN ('instance_unknown', 'in_the_future', 'expired') LIMIT $3) AS pending"#,
        tx.tenant().0,
        service,
        most,
    );
    pending.fetch_one(&mut **tx).await
}

/// How many of a service's events of the tenant do not count; `most` if they are as many or more.
pub async fn unfit(tx: &mut TenantTx, service: &str, most: i64) -> sqlx::Result<i64> {
    let unfit = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM (SELECT FROM usage_parked WHERE tenant_id = $1 AND service = $2
           AND reason NOT IN ('instance_unknown', 'in_the_future', 'expired') LIMIT $3) AS unfit"#,
        tx.tenant().0,
        service,
        most,
    );
    unfit.fetch_one(&mut **tx).await
}

/// From `now` on, what has waited for its instance or its time since before `until` waits for a person; at most `most`
/// events, and gives how many.
pub async fn expire(tx: &mut CrossTenantTx, now: DateTime<Utc>, until: DateTime<Utc>, most: i64) -> sqlx::Result<u64> {
    let expired = sqlx::query!(
        "UPDATE usage_parked SET reason = 'expired', waiting_since = $1 WHERE id IN (SELECT id FROM usage_parked
           WHERE received_at < $2 AND waiting_since IS NULL LIMIT $3 FOR UPDATE SKIP LOCKED)",
        now,
        until,
        most,
    );
    Ok(expired.execute(&mut **tx).await?.rows_affected())
}

/// Forgets what has waited for a person since before `until`; at most `most` events, and gives how many.
pub async fn prune(tx: &mut CrossTenantTx, until: DateTime<Utc>, most: i64) -> sqlx::Result<u64> {
    let pruned = sqlx::query!(
        "DELETE FROM usage_parked WHERE id IN (SELECT id FROM usage_parked WHERE waiting_since < $1
         LIMIT $2 FOR UPDATE SKIP LOCKED)",
        until,
        most,
    );
    Ok(pruned.execute(&mut **tx).await?.rows_affected())
}

/// Events whose instance is known and that happen by `until`; held, so that nobody else counts them meanwhile.
pub async fn due(tx: &mut CrossTenantTx, until: DateTime<Utc>, most: i64) -> sqlx::Result<Vec<ParkedUsage>> {
    let due = sqlx::query_as!(
        ParkedUsage,
        r#"SELECT id, tenant_id, service, instance_id, meter, key, quantity, occurred_at, received_at, waiting_since,
           reason AS "reason: Reason" FROM usage_parked p
           WHERE reason IN ('instance_unknown', 'in_the_future', 'expired') AND occurred_at <= $1
               AND EXISTS (SELECT FROM usage_interval i WHERE i.instance_id = p.instance_id)
           ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED"#,
        until,
        most,
    );
    due.fetch_all(&mut **tx).await
}

pub async fn remove(tx: &mut TenantTx, ids: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM usage_parked WHERE tenant_id = $1 AND id = ANY($2)", tx.tenant().0, ids)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// They stay parked for this reason; what has expired stays so, and waits for a person since when it did.
pub async fn keep(tx: &mut TenantTx, ids: &[Uuid], reason: Reason, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE usage_parked SET reason = $3, waiting_since = coalesce(waiting_since, $4)
         WHERE tenant_id = $1 AND id = ANY($2) AND reason <> $3",
        tx.tenant().0,
        ids,
        reason as Reason,
        waiting(reason, now)
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

pub async fn page(tx: &mut CrossTenantTx, filter: &ParkedFilter, page: PageRequest) -> sqlx::Result<Vec<ParkedUsage>> {
    let parked = sqlx::query_as!(
        ParkedUsage,
        r#"SELECT id, tenant_id, service, instance_id, meter, key, quantity, occurred_at, received_at, waiting_since,
           reason AS "reason: Reason"
           FROM usage_parked WHERE id > $1 AND ($3::uuid IS NULL OR tenant_id = $3)
           AND ($4::uuid IS NULL OR instance_id = $4) AND ($5::text IS NULL OR reason = $5) ORDER BY id LIMIT $2"#,
        page.after,
        page.fetch(),
        filter.tenant_id.map(|id| id.0),
        filter.instance_id.map(|id| id.0),
        filter.reason.map(Reason::name),
    );
    parked.fetch_all(&mut **tx).await
}

pub async fn counts(tx: &mut CrossTenantTx) -> sqlx::Result<Vec<(Reason, i64)>> {
    let counts =
        sqlx::query!(r#"SELECT reason AS "reason: Reason", count(*) AS "count!" FROM usage_parked GROUP BY reason"#)
            .fetch_all(&mut **tx)
            .await?;
    Ok(counts.into_iter().map(|row| (row.reason, row.count)).collect())
}
