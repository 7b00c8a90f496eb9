//! SQL of instances that are due. What is taken is left alone by other processes until it is due again.

use crate::instances::store::Owned;
use chrono::{DateTime, Utc};
use common::db::{CrossTenantTx, TenantTx};
use contracts::id::{InstanceId, JobId, TenantId};

/// An instance that waits for the end of a job.
pub struct Overdue {
    pub id: InstanceId,
    pub tenant_id: TenantId,
    pub job: JobId,
}

/// Takes instances whose job should have ended, the longest due first.
pub async fn take_overdue(
    tx: &mut CrossTenantTx,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
    limit: i64,
) -> sqlx::Result<Vec<Overdue>> {
    sqlx::query_as!(
        Overdue,
        r#"UPDATE instances SET due_at = $2 WHERE id IN
              (SELECT id FROM instances WHERE state IN ('migrating', 'seeding') AND reason IS NULL
              AND job_id IS NOT NULL AND due_at <= $1
               ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
           RETURNING id, tenant_id, job_id AS "job!""#,
        now,
        until,
        limit
    )
    .fetch_all(&mut **tx)
    .await
}

/// Takes instances that wait for a proof, the longest due first; none of a suspended tenant.
pub async fn take_unproved(
    tx: &mut CrossTenantTx,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
    limit: i64,
) -> sqlx::Result<Vec<Owned>> {
    let due = sqlx::query_as!(
        Owned,
        "UPDATE instances SET due_at = $2 WHERE id IN
            (SELECT id FROM instances i WHERE state = 'awaiting_proof' AND reason IS NULL AND due_at <= $1
               AND NOT EXISTS (SELECT FROM tenant_suspensions s WHERE s.tenant_id = i.tenant_id
                               AND s.suspended_since IS NOT NULL)
            ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
         RETURNING id, tenant_id",
        now,
        until,
        limit
    );
    due.fetch_all(&mut **tx).await
}

/// Locks instances that wait for people, or have failed, since before `before`, of tenants that were served all the
/// time since, or are suspended since before `suspended`.
pub async fn lock_unfinished(
    tx: &mut CrossTenantTx,
    before: DateTime<Utc>,
    suspended: DateTime<Utc>,
    limit: i64,
) -> sqlx::Result<Vec<Owned>> {
    let due = sqlx::query_as!(
        Owned,
        "SELECT id, tenant_id FROM instances
         WHERE state IN ('awaiting_proof', 'requested', 'provisioning', 'awaiting_setup', 'migrating', 'seeding')
         AND state_since <= $1
           AND (state IN ('awaiting_proof', 'awaiting_setup') OR reason IS NOT NULL)
           AND NOT EXISTS (SELECT FROM tenant_suspensions s WHERE s.tenant_id = instances.tenant_id
                           AND CASE WHEN s.suspended_since IS NULL THEN s.heard_at > $1 ELSE s.suspended_since > $2 END)
         ORDER BY state_since LIMIT $3 FOR UPDATE SKIP LOCKED",
        before,
        suspended,
        limit
    );
    due.fetch_all(&mut **tx).await
}

/// Leaves the instance alone until `at`.
pub async fn look_again(tx: &mut TenantTx, id: InstanceId, at: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("UPDATE instances SET due_at = $2 WHERE id = $1 AND tenant_id = $3", id.0, at, tx.tenant().0)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Counts that the job was ordered again, and leaves the instance alone until `at`.
pub async fn ordered_again(tx: &mut TenantTx, id: InstanceId, at: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE instances SET due_at = $2, refusals = refusals + 1 WHERE id = $1 AND tenant_id = $3",
        id.0,
        at,
        tx.tenant().0
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}
