//! SQL of authentication policies.

use common::db::TenantTx;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub struct AuthenticationPolicy {
    /// Whether nobody gets a session in the tenant without a second factor.
    pub second_factor_required: bool,
    #[serde(skip)]
    pub revision: i32,
}

pub async fn find(tx: &mut TenantTx) -> sqlx::Result<Option<AuthenticationPolicy>> {
    sqlx::query_as!(
        AuthenticationPolicy,
        "SELECT second_factor_required, policy_revision AS revision FROM tenants WHERE id = $1",
        tx.tenant().0
    )
    .fetch_optional(&mut **tx)
    .await
}

/// As [`find`]; whoever edits it waits.
pub async fn lock(tx: &mut TenantTx) -> sqlx::Result<Option<AuthenticationPolicy>> {
    sqlx::query_as!(
        AuthenticationPolicy,
        "SELECT second_factor_required, policy_revision AS revision FROM tenants WHERE id = $1 FOR NO KEY UPDATE",
        tx.tenant().0
    )
    .fetch_optional(&mut **tx)
    .await
}

pub async fn write(tx: &mut TenantTx, second_factor_required: bool) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE tenants SET second_factor_required = $2, policy_revision = policy_revision + 1 WHERE id = $1",
        tx.tenant().0,
        second_factor_required
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub async fn demands_second_factor(tx: &mut TenantTx) -> sqlx::Result<bool> {
    Ok(find(tx).await?.is_some_and(|policy| policy.second_factor_required))
}
