//! SQL of budgets.

use super::model::Budget;
use crate::jobs::model::WORK;
use common::{
    db::{CrossTenantTx, Scoped},
    page::PageRequest,
};
use uuid::Uuid;

pub(super) async fn page(tx: &mut CrossTenantTx, request: PageRequest) -> sqlx::Result<Vec<Budget>> {
    sqlx::query_as!(
        Budget,
        r#"SELECT tenant_id, jobs_per_day AS "jobs_per_day?", coalesce(begun, 0) AS "begun_today!", revision,
                  updated_at AS "updated_at?", updated_by AS "updated_by?"
             FROM job_budgets LEFT JOIN (SELECT tenant_id, begun FROM job_days
                                          WHERE day = (now() AT TIME ZONE 'UTC')::date) AS today USING (tenant_id)
            WHERE tenant_id > $1 ORDER BY tenant_id LIMIT $2"#,
        request.after,
        request.fetch()
    )
    .fetch_all(&mut **tx)
    .await
}

/// The budget of a tenant, whether it has one or not.
pub(super) async fn get(tx: &mut CrossTenantTx, tenant: Uuid) -> sqlx::Result<Budget> {
    sqlx::query_as!(
        Budget,
        r#"SELECT $1::uuid AS "tenant_id!", jobs_per_day AS "jobs_per_day?", coalesce(begun, 0) AS "begun_today!",
                  coalesce(revision, 0) AS "revision!", updated_at AS "updated_at?", updated_by AS "updated_by?"
             FROM (SELECT) AS one
             LEFT JOIN job_budgets AS budget ON budget.tenant_id = $1
             LEFT JOIN job_days AS today ON today.tenant_id = $1 AND today.day = (now() AT TIME ZONE 'UTC')::date"#,
        tenant
    )
    .fetch_one(&mut **tx)
    .await
}

/// Sets the budget that was read, and lets what waits for it be looked at anew; `false` if somebody was faster.
pub(super) async fn set(
    tx: &mut CrossTenantTx,
    read: &Budget,
    jobs_per_day: Option<i32>,
    by: &str,
) -> sqlx::Result<bool> {
    let set = sqlx::query!(
        "INSERT INTO job_budgets (tenant_id, jobs_per_day, updated_by) VALUES ($1, $2, $3)
         ON CONFLICT (tenant_id) DO UPDATE SET jobs_per_day = excluded.jobs_per_day, updated_at = now(),
             revision = job_budgets.revision + 1, updated_by = excluded.updated_by
          WHERE job_budgets.revision = $4",
        read.tenant_id,
        jobs_per_day,
        by,
        read.revision
    );
    let set = set.execute(&mut **tx).await?.rows_affected() == 1;
    sqlx::query!(
        "UPDATE job_lanes SET next_at = now(), waits_for = NULL WHERE tenant_id = $1 AND waits_for = 'budget'",
        read.tenant_id
    )
    .execute(&mut **tx)
    .await?;
    tx.wake(WORK);
    Ok(set)
}
