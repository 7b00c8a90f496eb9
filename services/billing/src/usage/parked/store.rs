//! SQL of usage that does not count.

use crate::usage::{
    insert_store::{Columns, Receipt},
    model::Reason,
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
use std::collections::HashSet;
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

/// Each once under its key.
pub async fn insert(
    tx: &mut TenantTx,
    ambient: &Ambient,
    events: &[(&UsageRecorded, Reason)],
) -> sqlx::Result<Vec<Receipt>> {
    let reasons: Vec<String> = events.iter().map(|(_, reason)| reason.name().to_owned()).collect();
    let given = Columns::of(ambient, &events.iter().map(|(event, _)| *event).collect::<Vec<_>>());
    // In the order of their keys, so that nobody waits in a circle.
    let inserted = sqlx::query_scalar!(
        "INSERT INTO usage_parked (id, tenant_id, service, key, instance_id, meter, quantity, occurred_at, received_at,
           reason)
         SELECT id, $1, service, key, instance_id, meter, quantity, occurred_at, $2, reason
         FROM UNNEST($3::uuid[], $4::text[], $5::text[], $6::uuid[], $7::text[], $8::numeric[], $9::timestamptz[],
           $10::text[]) AS given (id, service, key, instance_id, meter, quantity, occurred_at, reason)
         ORDER BY service, key, id ON CONFLICT (tenant_id, service, key) DO NOTHING RETURNING id",
        tx.tenant().0,
        ambient.now(),
        &given.ids,
        &given.services,
        &given.keys,
        &given.instances,
        &given.meters,
        &given.quantities,
        &given.times,
        &reasons
    );
    let new: HashSet<_> = inserted.fetch_all(&mut **tx).await?.into_iter().collect();
    let same = sqlx::query_scalar!(
        r#"SELECT given.place AS "place!"
           FROM UNNEST($2::text[], $3::text[], $4::uuid[], $5::text[], $6::numeric[], $7::timestamptz[])
             WITH ORDINALITY AS given (service, key, instance_id, meter, quantity, occurred_at, place)
           JOIN usage_parked p ON p.tenant_id = $1 AND p.service = given.service AND p.key = given.key
             AND (p.instance_id, p.meter, p.quantity, p.occurred_at)
               = (given.instance_id, given.meter, given.quantity, given.occurred_at)"#,
        tx.tenant().0,
        &given.services,
        &given.keys,
        &given.instances,
        &given.meters,
        &given.quantities,
        &given.times
    );
    let same = same.fetch_all(&mut **tx).await?.into_iter().collect();
    Ok(given.receipts(&new, &same))
}

/// How many of a service's events of the tenant wait for a person; `most` if they are as many or more.
pub async fn waiting(tx: &mut TenantTx, service: &str, most: i64) -> sqlx::Result<i64> {
    let waiting = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM (SELECT FROM usage_parked WHERE tenant_id = $1 AND service = $2
           AND reason NOT IN ('instance_unknown', 'in_the_future') LIMIT $3) AS waiting"#,
        tx.tenant().0,
        service,
        most,
    );
    waiting.fetch_one(&mut **tx).await
}

/// Forgets what has waited for a person since before `until`; at most `most` events, and gives how many.
pub async fn prune(tx: &mut CrossTenantTx, until: DateTime<Utc>, most: i64) -> sqlx::Result<u64> {
    let pruned = sqlx::query!(
        "DELETE FROM usage_parked WHERE id IN (SELECT id FROM usage_parked WHERE received_at < $1
         AND reason NOT IN ('instance_unknown', 'in_the_future') LIMIT $2 FOR UPDATE SKIP LOCKED)",
        until,
        most,
    );
    Ok(pruned.execute(&mut **tx).await?.rows_affected())
}

/// Events whose instance is known and that happen by `until`; held, so that nobody else counts them meanwhile.
pub async fn due(tx: &mut CrossTenantTx, until: DateTime<Utc>, most: i64) -> sqlx::Result<Vec<ParkedUsage>> {
    let due = sqlx::query_as!(
        ParkedUsage,
        r#"SELECT id, tenant_id, service, instance_id, meter, key, quantity, occurred_at, received_at,
           reason AS "reason: Reason" FROM usage_parked p
           WHERE reason IN ('instance_unknown', 'in_the_future') AND occurred_at <= $1
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

pub async fn keep(tx: &mut TenantTx, ids: &[Uuid], reason: Reason) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE usage_parked SET reason = $3 WHERE tenant_id = $1 AND id = ANY($2)",
        tx.tenant().0,
        ids,
        reason as Reason
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

pub async fn page(tx: &mut CrossTenantTx, filter: &ParkedFilter, page: PageRequest) -> sqlx::Result<Vec<ParkedUsage>> {
    let parked = sqlx::query_as!(
        ParkedUsage,
        r#"SELECT id, tenant_id, service, instance_id, meter, key, quantity, occurred_at, received_at,
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
