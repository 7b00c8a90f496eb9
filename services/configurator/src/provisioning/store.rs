//! SQL of claims: which instance is due, and who has it in hand?

use crate::instances::{
    self,
    model::{self, InstanceState, Step},
    store::CHANGED,
};
use chrono::{DateTime, Utc};
use common::db::{CrossTenantTx, Scoped, TenantTx};
use contracts::id::{InstanceId, TenantId};
use uuid::Uuid;

/// An instance in hand.
pub struct Claim {
    /// Whoever claims the instance later has another.
    pub id: Uuid,
    pub instance: InstanceId,
    pub tenant: TenantId,
    /// What is to be done: made, or dropped.
    pub state: InstanceState,
    pub in_state_since: DateTime<Utc>,
    pub since: DateTime<Utc>,
    pub refusals: i32,
    pub owner_password: Vec<u8>,
    pub app_password: Vec<u8>,
}

/// Claims the instance that is due longest, until `until`.
pub async fn claim(
    tx: &mut CrossTenantTx,
    id: Uuid,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> sqlx::Result<Option<Claim>> {
    let due = sqlx::query!(
        "SELECT id, tenant_id FROM instances WHERE state IN ('requested', 'provisioning', 'deleting') AND due_at <= $1
         ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED",
        now
    );
    let Some(due) = due.fetch_optional(&mut **tx).await? else { return Ok(None) };
    let tx = tx.narrow(due.tenant_id.into()).await?;
    let Some(instance) = instances::store::lock(tx, due.id.into()).await? else { return Ok(None) };
    let Some(state) = model::after(instance.state, Step::Claim) else { return Ok(None) };
    if state != instance.state {
        instances::store::advance(tx, instance.id, state, None, now).await?;
    }
    let claim = sqlx::query_as!(
        Claim,
        r#"UPDATE instances i SET claimed_by = $2::uuid, due_at = $3 FROM instance_secrets s
           WHERE i.id = $1 AND i.tenant_id = $5 AND s.instance_id = i.id
           RETURNING $2::uuid AS "id!", i.id AS instance, i.tenant_id
           AS tenant, state AS "state: InstanceState", state_since AS in_state_since,
                     $4::timestamptz AS "since!", refusals, owner_password, app_password"#,
        due.id,
        id,
        until,
        now,
        tx.tenant().0
    );
    claim.fetch_one(&mut **tx).await.map(Some)
}

/// Lets the instance be taken again at `due`, unless somebody else has it.
pub async fn put_back(tx: &mut TenantTx, claim: &Claim, refusals: i32, due: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE instances SET claimed_by = NULL, refusals = $3, due_at = $4 WHERE id = $1 AND tenant_id = $5
         AND claimed_by = $2",
        claim.instance.0,
        claim.id,
        refusals,
        due,
        tx.tenant().0
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Tells people why it is not done, and lets it be taken again at `due`, unless somebody else has it.
pub async fn tell(
    tx: &mut TenantTx,
    claim: &Claim,
    reason: &str,
    now: DateTime<Utc>,
    due: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE instances SET claimed_by = NULL, reason = $3, due_at = $5, generation = generation + 1, changed_at = $4
         WHERE id = $1 AND tenant_id = $6 AND claimed_by = $2",
        claim.instance.0,
        claim.id,
        reason,
        now,
        due,
        tx.tenant().0
    )
    .execute(&mut **tx)
    .await?;
    tx.wake(CHANGED);
    Ok(())
}

/// Whether the claim still holds: nobody has taken the instance over, and nobody has cancelled it.
pub async fn is_ours(tx: &mut TenantTx, claim: &Claim) -> sqlx::Result<bool> {
    let (id, tenant) = (claim.instance.0, tx.tenant().0);
    let holder = sqlx::query_scalar!("SELECT claimed_by FROM instances WHERE id = $1 AND tenant_id = $2", id, tenant)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(holder.flatten() == Some(claim.id))
}

/// Nothing opens with them any more.
pub async fn forget_secrets(tx: &mut TenantTx, id: InstanceId) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM instance_secrets WHERE instance_id = $1", id.0).execute(&mut **tx).await.map(drop)
}
