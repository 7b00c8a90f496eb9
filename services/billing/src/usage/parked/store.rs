//! SQL of usage that cannot be counted yet.

use super::{super::store::Receipt, ParkedUsage, Reason};
use chrono::{DateTime, Utc};
use common::{
    ambient::Ambient,
    db::{CrossTenantTx, TenantTx},
    page::PageRequest,
};
use contracts::messages::UsageRecorded;
use uuid::Uuid;

/// Once under its key.
pub async fn insert(
    tx: &mut TenantTx,
    ambient: &Ambient,
    body: &UsageRecorded,
    reason: Reason,
) -> sqlx::Result<Receipt> {
    let inserted = sqlx::query!(
        "INSERT INTO usage_parked (id, tenant_id, service, key, instance_id, meter, quantity, occurred_at, received_at, reason)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT ON CONSTRAINT usage_parked_once DO NOTHING",
        ambient.uuid(),
        tx.tenant().0,
        body.service,
        body.key,
        body.instance_id.0,
        body.meter,
        body.quantity,
        body.occurred_at,
        ambient.now(),
        reason as Reason,
    );
    if inserted.execute(&mut **tx).await?.rows_affected() == 1 {
        return Ok(Receipt::New);
    }
    let same = sqlx::query_scalar!(
        r#"SELECT (instance_id, meter, quantity, occurred_at) = ($4, $5, $6, $7) AS "same!"
           FROM usage_parked WHERE tenant_id = $1 AND service = $2 AND key = $3"#,
        tx.tenant().0,
        body.service,
        body.key,
        body.instance_id.0,
        body.meter,
        body.quantity,
        body.occurred_at,
    );
    Ok(if same.fetch_one(&mut **tx).await? { Receipt::Duplicate } else { Receipt::Conflict })
}

/// Events whose instance is known and that happen by `until`; held, so that nobody else counts them meanwhile.
pub async fn due(tx: &mut CrossTenantTx, until: DateTime<Utc>, most: i64) -> sqlx::Result<Vec<ParkedUsage>> {
    let due = sqlx::query_as!(
        ParkedUsage,
        r#"SELECT id, tenant_id, service, instance_id, meter, key, quantity, occurred_at, received_at, reason AS "reason: Reason" FROM usage_parked p
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
        r#"SELECT id, tenant_id, service, instance_id, meter, key, quantity, occurred_at, received_at, reason AS "reason: Reason"
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
