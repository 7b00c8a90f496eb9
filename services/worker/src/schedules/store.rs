//! SQL of schedules.

use super::model::{Schedule, ScheduleBody};
use chrono::{DateTime, Utc};
use common::{
    db::{CrossTenantTx, Scoped},
    page::PageRequest,
};
use uuid::Uuid;

/// Rows of [`Schedule`].
macro_rules! schedules {
    ($rest:literal $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Schedule,
            "SELECT id, name, cron, kind, version, tenant_id, instance_id, payload, next_at, last_at, last_job_id,
                    paused, revision, updated_at, updated_by FROM job_schedules " + $rest
            $(, $argument)*
        )
    };
}

pub(super) async fn page(tx: &mut CrossTenantTx, request: PageRequest) -> sqlx::Result<Vec<Schedule>> {
    schedules!("WHERE id > $1 ORDER BY id LIMIT $2", request.after, request.fetch()).fetch_all(&mut **tx).await
}

/// Locked until the transaction ends.
pub(super) async fn get(tx: &mut CrossTenantTx, id: Uuid) -> sqlx::Result<Option<Schedule>> {
    schedules!("WHERE id = $1 FOR UPDATE", id).fetch_optional(&mut **tx).await
}

/// The schedule whose tick has been due for longest, and that no other worker has in hand.
pub(super) async fn due(tx: &mut CrossTenantTx) -> sqlx::Result<Option<Schedule>> {
    schedules!("WHERE next_at <= now() AND NOT paused ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED")
        .fetch_optional(&mut **tx)
        .await
}

pub(super) async fn count(tx: &mut CrossTenantTx) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM job_schedules"#).fetch_one(&mut **tx).await
}

pub(super) async fn insert(
    tx: &mut CrossTenantTx,
    body: &ScheduleBody,
    next_at: DateTime<Utc>,
    by: &str,
) -> sqlx::Result<Uuid> {
    let id = tx.db().ambient().uuid();
    sqlx::query!(
        "INSERT INTO job_schedules (id, name, cron, kind, version, tenant_id, instance_id, payload, next_at, paused,
                                    updated_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        id,
        body.name,
        body.cron,
        body.kind,
        body.version.cast_signed(),
        body.tenant_id,
        body.instance_id,
        body.payload,
        next_at,
        body.paused,
        by
    )
    .execute(&mut **tx)
    .await?;
    Ok(id)
}

pub(super) async fn edit(
    tx: &mut CrossTenantTx,
    id: Uuid,
    body: &ScheduleBody,
    next_at: DateTime<Utc>,
    by: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE job_schedules SET name = $2, cron = $3, kind = $4, version = $5, tenant_id = $6, instance_id = $7,
                payload = $8, next_at = $9, paused = $10, updated_by = $11, updated_at = now(), revision = revision + 1
          WHERE id = $1",
        id,
        body.name,
        body.cron,
        body.kind,
        body.version.cast_signed(),
        body.tenant_id,
        body.instance_id,
        body.payload,
        next_at,
        body.paused,
        by
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Notes that a tick was turned into a job, and when the next one is due.
pub(super) async fn ticked(tx: &mut CrossTenantTx, id: Uuid, job: Uuid, next_at: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE job_schedules SET last_at = next_at, last_job_id = $2, next_at = $3 WHERE id = $1",
        id,
        job,
        next_at
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// A line that never comes again, or is none for the library of today, must not hold up the others.
pub(super) async fn pause(tx: &mut CrossTenantTx, id: Uuid) -> sqlx::Result<()> {
    sqlx::query!("UPDATE job_schedules SET paused = true, revision = revision + 1 WHERE id = $1", id)
        .execute(&mut **tx)
        .await
        .map(drop)
}

pub(super) async fn delete(tx: &mut CrossTenantTx, id: Uuid) -> sqlx::Result<bool> {
    let deleted = sqlx::query!("DELETE FROM job_schedules WHERE id = $1", id);
    Ok(deleted.execute(&mut **tx).await?.rows_affected() == 1)
}
