//! SQL of usage that cannot be counted yet.

use crate::usage::{
    model::{Event, Reason},
    store::{Receipt, insert_once},
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
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

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
    #[schema(format = "decimal")]
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

/// Once under its key.
pub async fn insert(
    tx: &mut TenantTx,
    ambient: &Ambient,
    body: &UsageRecorded,
    reason: Reason,
) -> sqlx::Result<Receipt> {
    insert_once!("usage_parked", ", reason", ", $10", tx, ambient, body, reason as Reason)
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

pub async fn remove(tx: &mut TenantTx, id: Uuid) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM usage_parked WHERE tenant_id = $1 AND id = $2", tx.tenant().0, id)
        .execute(&mut **tx)
        .await
        .map(drop)
}

pub async fn keep(tx: &mut TenantTx, id: Uuid, reason: Reason) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE usage_parked SET reason = $3 WHERE tenant_id = $1 AND id = $2",
        tx.tenant().0,
        id,
        reason as Reason
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

pub async fn page(tx: &mut CrossTenantTx, page: PageRequest) -> sqlx::Result<Vec<ParkedUsage>> {
    let parked = sqlx::query_as!(
        ParkedUsage,
        r#"SELECT id, tenant_id, service, instance_id, meter, key, quantity, occurred_at, received_at,
           reason AS "reason: Reason"
           FROM usage_parked WHERE id > $1 ORDER BY id LIMIT $2"#,
        page.after,
        page.fetch(),
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
