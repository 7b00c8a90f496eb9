//! SQL of usage that cannot be counted yet.

use super::{
    super::{model::Event, store::Receipt},
    ParkedUsage, Reason,
};
use chrono::{DateTime, Utc};
use common::{ambient::Ambient, page::PageRequest};
use contracts::id::{InstanceId, TenantId};
use sqlx::PgConnection;
use uuid::Uuid;

/// Once under its key.
pub async fn insert(
    conn: &mut PgConnection,
    ambient: &Ambient,
    event: &Event,
    reason: Reason,
) -> sqlx::Result<Receipt> {
    let Event { tenant, body } = event;
    let inserted = sqlx::query!(
        "INSERT INTO usage_parked (id, tenant_id, service, key, instance_id, meter, quantity, occurred_at, received_at, reason)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT ON CONSTRAINT usage_parked_once DO NOTHING",
        ambient.uuid(),
        tenant.0,
        body.service,
        body.key,
        body.instance_id.0,
        body.meter,
        body.quantity,
        body.occurred_at,
        ambient.now(),
        reason as Reason,
    );
    if inserted.execute(&mut *conn).await?.rows_affected() == 1 {
        return Ok(Receipt::New);
    }
    let same = sqlx::query_scalar!(
        r#"SELECT (instance_id, meter, quantity, occurred_at) = ($4, $5, $6, $7) AS "same!"
           FROM usage_parked WHERE tenant_id = $1 AND service = $2 AND key = $3"#,
        tenant.0,
        body.service,
        body.key,
        body.instance_id.0,
        body.meter,
        body.quantity,
        body.occurred_at,
    );
    Ok(if same.fetch_one(conn).await? { Receipt::Duplicate } else { Receipt::Conflict })
}

/// Events whose instance is known and that happen by `until`; held, so that nobody else counts them meanwhile.
pub async fn due(
    conn: &mut PgConnection,
    instance: Option<InstanceId>,
    until: DateTime<Utc>,
    most: i64,
) -> sqlx::Result<Vec<ParkedUsage>> {
    let due = sqlx::query_as!(
        ParkedUsage,
        r#"SELECT id, tenant_id, service, instance_id, meter, key, quantity, occurred_at, received_at, reason AS "reason: Reason" FROM usage_parked p
           WHERE reason IN ('instance_unknown', 'in_the_future') AND ($1::uuid IS NULL OR instance_id = $1) AND occurred_at <= $2
               AND EXISTS (SELECT FROM usage_interval i WHERE i.instance_id = p.instance_id)
           ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED"#,
        instance.map(|instance| instance.0),
        until,
        most,
    );
    due.fetch_all(conn).await
}

pub async fn remove(conn: &mut PgConnection, tenant: TenantId, id: Uuid) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM usage_parked WHERE tenant_id = $1 AND id = $2", tenant.0, id)
        .execute(conn)
        .await
        .map(drop)
}

pub async fn keep(conn: &mut PgConnection, tenant: TenantId, id: Uuid, reason: Reason) -> sqlx::Result<()> {
    sqlx::query!("UPDATE usage_parked SET reason = $3 WHERE tenant_id = $1 AND id = $2", tenant.0, id, reason as Reason)
        .execute(conn)
        .await
        .map(drop)
}

pub async fn page(conn: &mut PgConnection, page: PageRequest) -> sqlx::Result<Vec<ParkedUsage>> {
    let parked = sqlx::query_as!(
        ParkedUsage,
        r#"SELECT id, tenant_id, service, instance_id, meter, key, quantity, occurred_at, received_at, reason AS "reason: Reason"
           FROM usage_parked WHERE id > $1 ORDER BY id LIMIT $2"#,
        page.after,
        page.fetch(),
    );
    parked.fetch_all(conn).await
}

pub async fn counts(conn: &mut PgConnection) -> sqlx::Result<Vec<(Reason, i64)>> {
    let counts =
        sqlx::query!(r#"SELECT reason AS "reason: Reason", count(*) AS "count!" FROM usage_parked GROUP BY reason"#)
            .fetch_all(conn)
            .await?;
    Ok(counts.into_iter().map(|row| (row.reason, row.count)).collect())
}
