//! SQL of refusals: which addresses want no more invitations.

use super::model::Senders;
use chrono::{DateTime, Utc};
use common::db::{CrossTenantTx, Scoped, TenantTx};
use contracts::id::TenantId;
use uuid::Uuid;

/// Whose invitations the address refuses, as far as it concerns the tenant.
pub async fn refused(tx: &mut TenantTx, email: &str) -> sqlx::Result<Senders> {
    let found = sqlx::query!(
        r#"SELECT count(tenant_id) > 0 AS "tenant!", count(*) > count(tenant_id) AS "everybody!"
           FROM invitation_refusals WHERE email = $2 AND (tenant_id = $1 OR tenant_id IS NULL)"#,
        tx.tenant().0,
        email
    );
    let found = found.fetch_one(&mut **tx).await?;
    Ok(match (found.everybody, found.tenant) {
        (true, _) => Senders::Everybody,
        (false, true) => Senders::Tenant,
        (false, false) => Senders::Nobody,
    })
}

/// What a refusal has changed.
pub struct Refused {
    /// It was not refused before.
    pub is_new: bool,
    /// The invitations that were open.
    pub ended: Vec<(TenantId, Uuid)>,
}

/// Refuses those of the tenant whose transaction it is, or of everybody, and ends what is open; the same twice is the
/// same.
pub async fn refuse(tx: &mut impl Scoped, id: Uuid, email: &str, now: DateTime<Utc>) -> sqlx::Result<Refused> {
    let tenant = tx.tenant_if_one().map(|tenant| tenant.0);
    let refused = sqlx::query!(
        "INSERT INTO invitation_refusals (id, tenant_id, email, refused_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT DO NOTHING",
        id,
        tenant,
        email,
        now
    )
    .execute(&mut **tx)
    .await?;
    let ended = sqlx::query!(
        "UPDATE invitations SET ended_at = $3, mail_waits = false
         WHERE ($1::uuid IS NULL OR tenant_id = $1) AND email = $2 AND used_at IS NULL AND ended_at IS NULL
         RETURNING tenant_id, id",
        tenant,
        email,
        now
    );
    let ended = ended.fetch_all(&mut **tx).await?.into_iter().map(|row| (TenantId(row.tenant_id), row.id)).collect();
    Ok(Refused { is_new: refused.rows_affected() > 0, ended })
}

/// Takes invitations again: of the tenant, and of everybody. `false` if they were not refused.
pub async fn allow(tx: &mut CrossTenantTx, tenant: TenantId, email: &str) -> sqlx::Result<bool> {
    let allowed = sqlx::query!(
        "DELETE FROM invitation_refusals WHERE email = $2 AND (tenant_id = $1 OR tenant_id IS NULL)",
        tenant.0,
        email
    );
    Ok(allowed.execute(&mut **tx).await?.rows_affected() > 0)
}
