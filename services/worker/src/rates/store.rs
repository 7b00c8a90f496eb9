//! SQL of rates.

use super::model::{Rate, RateBody};
use crate::jobs::model::WORK;
use chrono::{DateTime, Utc};
use common::{
    db::{CrossTenantTx, Scoped},
    page::PageRequest,
};
use uuid::Uuid;

/// A rate as it lies in the table.
#[derive(Debug)]
pub(super) struct Row {
    pub id: Uuid,
    pub kind: String,
    pub tenant_id: Option<Uuid>,
    pub jobs: Option<i32>,
    pub seconds: i32,
    pub revision: i32,
    pub updated_at: DateTime<Utc>,
    pub updated_by: String,
}

impl From<Row> for Rate {
    fn from(row: Row) -> Self {
        let Row { id, kind, tenant_id, jobs, seconds, revision, updated_at, updated_by } = row;
        let (updated_at, updated_by) = (Some(updated_at), Some(updated_by));
        Self { id: Some(id), kind, tenant_id, jobs, seconds, revision, updated_at, updated_by }
    }
}

pub(super) async fn page(tx: &mut CrossTenantTx, request: PageRequest) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as!(
        Row,
        "SELECT id, kind, tenant_id, jobs, seconds, revision, updated_at, updated_by FROM job_rates
          WHERE id > $1 ORDER BY id LIMIT $2",
        request.after,
        request.fetch()
    )
    .fetch_all(&mut **tx)
    .await
}

/// The rate of a kind, of that tenant or for all who have none of their own; locked, if it is to be changed.
pub(super) async fn get(tx: &mut CrossTenantTx, kind: &str, tenant: Option<Uuid>) -> sqlx::Result<Option<Row>> {
    sqlx::query_as!(
        Row,
        "SELECT id, kind, tenant_id, jobs, seconds, revision, updated_at, updated_by FROM job_rates
          WHERE kind = $1 AND tenant_id IS NOT DISTINCT FROM $2 FOR UPDATE",
        kind,
        tenant
    )
    .fetch_optional(&mut **tx)
    .await
}

/// Sets a rate of that revision, or makes it if that is 0; nothing if somebody was faster.
pub(super) async fn set(tx: &mut CrossTenantTx, rate: &Rate, body: &RateBody, by: &str) -> sqlx::Result<Option<Row>> {
    let id = tx.db().ambient().uuid();
    let row = sqlx::query_as!(
        Row,
        "INSERT INTO job_rates (id, kind, tenant_id, jobs, seconds, updated_by) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (kind, tenant_id) DO UPDATE SET jobs = excluded.jobs, seconds = excluded.seconds,
             revision = job_rates.revision + 1, updated_at = now(), updated_by = excluded.updated_by
          WHERE job_rates.revision = $7
         RETURNING id, kind, tenant_id, jobs, seconds, revision, updated_at, updated_by",
        id,
        rate.kind,
        rate.tenant_id,
        body.jobs.map(u32::cast_signed),
        body.seconds.cast_signed(),
        by,
        rate.revision
    );
    let row = row.fetch_optional(&mut **tx).await?;
    let_go(tx, &rate.kind, rate.tenant_id).await?;
    Ok(row)
}

pub(super) async fn delete(tx: &mut CrossTenantTx, rate: &Rate) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM job_rates WHERE kind = $1 AND tenant_id IS NOT DISTINCT FROM $2",
        rate.kind,
        rate.tenant_id
    )
    .execute(&mut **tx)
    .await?;
    let_go(tx, &rate.kind, rate.tenant_id).await
}

/// Lets every lane that the rate may hold up be looked at anew.
async fn let_go(tx: &mut CrossTenantTx, kind: &str, tenant: Option<Uuid>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE job_lanes SET next_at = now(), waits_for = NULL
          WHERE kind = $1 AND ($2::uuid IS NULL OR tenant_id = $2) AND waits_for = 'rate'",
        kind,
        tenant
    )
    .execute(&mut **tx)
    .await?;
    tx.wake(WORK);
    Ok(())
}
