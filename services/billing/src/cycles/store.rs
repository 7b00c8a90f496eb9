//! SQL of cycles. Each account has exactly one open cycle; the next begins where it ends.

use chrono::{DateTime, Utc};
use common::{
    db::{CrossTenantTx, TenantTx},
    page::PageRequest,
};
use contracts::id::TenantId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum CycleState {
    Open,
    Closed,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Cycle {
    pub id: Uuid,
    pub tenant_id: TenantId,
    #[schema(example = "Acme")]
    pub tenant_name: String,
    pub state: CycleState,
    pub start_at: DateTime<Utc>,
    /// Absent while it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_at: Option<DateTime<Utc>>,
    /// Absent while it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoice_id: Option<Uuid>,
}

/// A cycle that this transaction holds.
pub struct Held {
    pub id: Uuid,
    pub tenant_id: TenantId,
    pub state: CycleState,
    pub start_at: DateTime<Utc>,
}

pub async fn open(tx: &mut TenantTx, id: Uuid, start_at: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO cycle (id, tenant_id, state, start_at) VALUES ($1, $2, 'open', $3)",
        id,
        tx.tenant().0,
        start_at
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Whoever else wants the cycle waits until this transaction ends, and then sees what it did.
pub async fn hold(tx: &mut CrossTenantTx, id: Uuid) -> sqlx::Result<Option<Held>> {
    let held = sqlx::query_as!(
        Held,
        r#"SELECT id, tenant_id, state AS "state: CycleState", start_at FROM cycle WHERE id = $1 FOR UPDATE"#,
        id
    );
    held.fetch_optional(&mut **tx).await
}

pub async fn close(tx: &mut TenantTx, cycle: &Held, end_at: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE cycle SET state = 'closed', end_at = $3 WHERE id = $1 AND tenant_id = $2",
        cycle.id,
        tx.tenant().0,
        end_at
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Cycles of one tenant or of all, in one state or in any.
pub async fn page(
    tx: &mut CrossTenantTx,
    tenant: Option<TenantId>,
    state: Option<CycleState>,
    page: PageRequest,
) -> sqlx::Result<Vec<Cycle>> {
    let cycles = sqlx::query_as!(
        Cycle,
        r#"SELECT c.id, c.tenant_id, a.name
           AS tenant_name, c.state AS "state: CycleState", c.start_at, c.end_at, i.id AS "invoice_id?"
           FROM cycle c JOIN account a ON a.tenant_id = c.tenant_id LEFT JOIN invoice i ON i.cycle_id = c.id
           AND i.tenant_id = c.tenant_id
           WHERE ($1::uuid IS NULL OR c.tenant_id = $1) AND ($2::text IS NULL OR c.state = $2) AND c.id > $3
           ORDER BY c.id LIMIT $4"#,
        tenant.map(|tenant| tenant.0),
        state as Option<CycleState>,
        page.after,
        page.fetch(),
    );
    cycles.fetch_all(&mut **tx).await
}
