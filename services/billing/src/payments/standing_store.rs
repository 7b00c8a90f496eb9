//! SQL of whether a tenant is suspended.

use chrono::{DateTime, Utc};
use common::db::{CrossTenantTx, TenantTx};
use contracts::id::TenantId;
use uuid::Uuid;

/// Where the tenant's mails about payments go.
pub struct Addressee {
    pub name: String,
    pub email: String,
}

/// Whoever suspends or resumes the tenant waits for this transaction.
pub async fn lock_account(tx: &mut TenantTx) -> sqlx::Result<Addressee> {
    let account = sqlx::query_as!(
        Addressee,
        r#"SELECT name, coalesce((SELECT d.email FROM account_details d WHERE d.tenant_id = a.tenant_id), email) AS "email!"
           FROM account a WHERE tenant_id = $1 FOR NO KEY UPDATE"#,
        tx.tenant().0
    );
    account.fetch_one(&mut **tx).await
}

/// Suspends the tenant; gives the generation, `None` if it is suspended already.
pub async fn suspend(tx: &mut TenantTx, at: DateTime<Utc>) -> sqlx::Result<Option<i64>> {
    let generation = sqlx::query_scalar!(
        "INSERT INTO account_standing AS s (tenant_id, suspended_at, generation, changed_at, said_at)
         VALUES ($1, $2, 1, $2, $2)
         ON CONFLICT (tenant_id)
           DO UPDATE SET suspended_at = $2, generation = s.generation + 1, changed_at = $2, said_at = $2
           WHERE s.suspended_at IS NULL
         RETURNING generation",
        tx.tenant().0,
        at
    );
    generation.fetch_optional(&mut **tx).await
}

/// Resumes the tenant if no invoice suspends it any more; gives the generation, `None` if it stays as it is.
pub async fn resume(tx: &mut TenantTx, at: DateTime<Utc>) -> sqlx::Result<Option<i64>> {
    let generation = sqlx::query_scalar!(
        "UPDATE account_standing SET suspended_at = NULL, generation = generation + 1, changed_at = $2, said_at = $2
         WHERE tenant_id = $1 AND suspended_at IS NOT NULL
           AND NOT EXISTS (SELECT FROM invoice_payment WHERE tenant_id = $1 AND state <> 'paid' AND suspends)
         RETURNING generation",
        tx.tenant().0,
        at
    );
    generation.fetch_optional(&mut **tx).await
}

/// How a tenant stands, who was suspended at least once.
pub struct Standing {
    pub tenant_id: TenantId,
    pub is_suspended: bool,
    pub generation: i64,
    /// When it was suspended or resumed.
    pub changed_at: DateTime<Utc>,
    /// One for which it is suspended.
    pub invoice_id: Option<Uuid>,
}

/// The one that was last said for longest, and before `before`; it is said at `now`.
pub async fn say_again(
    tx: &mut CrossTenantTx,
    before: DateTime<Utc>,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Standing>> {
    let standing = sqlx::query_as!(
        Standing,
        r#"UPDATE account_standing s SET said_at = $2 WHERE tenant_id = (
             SELECT tenant_id FROM account_standing WHERE said_at < $1 ORDER BY said_at LIMIT 1 FOR UPDATE SKIP LOCKED)
           RETURNING tenant_id, suspended_at IS NOT NULL AS "is_suspended!", generation, changed_at,
             (SELECT invoice_id FROM invoice_payment p WHERE p.tenant_id = s.tenant_id AND p.state <> 'paid' AND p.suspends
              ORDER BY p.number LIMIT 1) AS invoice_id"#,
        before,
        now
    );
    standing.fetch_optional(&mut **tx).await
}

/// Since when the tenant is suspended.
pub async fn suspended_at(tx: &mut TenantTx) -> sqlx::Result<Option<DateTime<Utc>>> {
    let since = sqlx::query_scalar!("SELECT suspended_at FROM account_standing WHERE tenant_id = $1", tx.tenant().0);
    Ok(since.fetch_optional(&mut **tx).await?.flatten())
}
