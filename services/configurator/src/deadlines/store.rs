//! Which instances are due? What is taken is left alone by other processes until it is due again.

use chrono::{DateTime, Utc};
use contracts::id::{InstanceId, JobId};
use sqlx::PgConnection;

/// An instance that waits for the end of a job.
pub struct Overdue {
    pub id: InstanceId,
    pub job: JobId,
}

/// Takes instances whose job should have ended, the longest due first.
pub async fn take_overdue(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
    limit: i64,
) -> sqlx::Result<Vec<Overdue>> {
    sqlx::query_as!(
        Overdue,
        r#"UPDATE instances SET due_at = $2 WHERE id IN
              (SELECT id FROM instances WHERE state IN ('migrating', 'seeding') AND reason IS NULL AND job_id IS NOT NULL AND due_at <= $1
               ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
           RETURNING id, job_id AS "job!""#,
        now,
        until,
        limit
    )
    .fetch_all(conn)
    .await
}

/// Takes instances that wait for a proof, the longest due first.
pub async fn take_unproved(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
    limit: i64,
) -> sqlx::Result<Vec<InstanceId>> {
    let ids = sqlx::query_scalar!(
        "UPDATE instances SET due_at = $2 WHERE id IN
            (SELECT id FROM instances WHERE state = 'awaiting_proof' AND reason IS NULL AND due_at <= $1 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
         RETURNING id",
        now,
        until,
        limit
    );
    Ok(ids.fetch_all(conn).await?.into_iter().map(InstanceId).collect())
}

/// Locks instances that wait for people, or have failed, since before `before`.
pub async fn lock_unfinished(
    conn: &mut PgConnection,
    before: DateTime<Utc>,
    limit: i64,
) -> sqlx::Result<Vec<InstanceId>> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM instances
         WHERE state IN ('awaiting_proof', 'requested', 'provisioning', 'awaiting_setup', 'migrating', 'seeding') AND state_since <= $1
           AND (state IN ('awaiting_proof', 'awaiting_setup') OR reason IS NOT NULL)
         ORDER BY state_since LIMIT $2 FOR UPDATE SKIP LOCKED",
        before,
        limit
    );
    Ok(ids.fetch_all(conn).await?.into_iter().map(InstanceId).collect())
}

/// Leaves the instance alone until `at`.
pub async fn look_again(conn: &mut PgConnection, id: InstanceId, at: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("UPDATE instances SET due_at = $2 WHERE id = $1", id.0, at).execute(conn).await.map(drop)
}

/// Counts that the job was ordered again, and leaves the instance alone until `at`.
pub async fn ordered_again(conn: &mut PgConnection, id: InstanceId, at: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("UPDATE instances SET due_at = $2, refusals = refusals + 1 WHERE id = $1", id.0, at)
        .execute(conn)
        .await
        .map(drop)
}

/// Locks instances whose setup code is shorter than codes are.
pub async fn lock_short_codes(conn: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<InstanceId>> {
    // As the index has it: 29 bytes around a code of 28.
    let ids = sqlx::query_scalar!(
        "SELECT instance_id FROM instance_secrets WHERE octet_length(setup_code) < 57 LIMIT $1 FOR UPDATE SKIP LOCKED",
        limit
    );
    Ok(ids.fetch_all(conn).await?.into_iter().map(InstanceId).collect())
}

pub async fn set_code(conn: &mut PgConnection, id: InstanceId, sealed: &[u8]) -> sqlx::Result<()> {
    sqlx::query!("UPDATE instance_secrets SET setup_code = $2 WHERE instance_id = $1", id.0, sealed)
        .execute(conn)
        .await
        .map(drop)
}
