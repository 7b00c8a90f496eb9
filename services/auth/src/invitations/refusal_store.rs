//! SQL of refusals: which addresses want no more invitations.

use super::refusals::Senders;
use chrono::{DateTime, Utc};
use contracts::id::TenantId;
use sqlx::PgConnection;
use uuid::Uuid;

/// Whose invitations the address refuses, as far as it concerns the tenant.
pub async fn refused(conn: &mut PgConnection, tenant: TenantId, email: &str) -> sqlx::Result<Senders> {
    let found = sqlx::query!(
        r#"SELECT count(tenant_id) > 0 AS "tenant!", count(*) > count(tenant_id) AS "everybody!"
           FROM invitation_refusals WHERE email = $2 AND (tenant_id = $1 OR tenant_id IS NULL)"#,
        tenant.0,
        email
    );
    let found = found.fetch_one(conn).await?;
    Ok(match (found.everybody, found.tenant) {
        (true, _) => Senders::Everybody,
        (false, true) => Senders::Tenant,
        (false, false) => Senders::Nobody,
    })
}

pub async fn tenant_name(conn: &mut PgConnection, tenant: TenantId) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!("SELECT name FROM tenants WHERE id = $1", tenant.0).fetch_optional(conn).await
}

/// Refuses those of one tenant, or of everybody; the same twice is the same.
pub async fn refuse(
    conn: &mut PgConnection,
    id: Uuid,
    of: Option<TenantId>,
    email: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let of = of.map(|tenant| tenant.0);
    sqlx::query!("INSERT INTO invitation_refusals (id, tenant_id, email, refused_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING", id, of, email, now)
        .execute(&mut *conn)
        .await?;
    sqlx::query!(
        "UPDATE invitations SET ended_at = $3, mail_waits = false
         WHERE email = $2 AND ($1::uuid IS NULL OR tenant_id = $1) AND used_at IS NULL AND ended_at IS NULL",
        of,
        email,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes invitations again: of the tenant, and of everybody.
pub async fn allow(conn: &mut PgConnection, tenant: TenantId, email: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM invitation_refusals WHERE email = $2 AND (tenant_id = $1 OR tenant_id IS NULL)",
        tenant.0,
        email
    )
    .execute(conn)
    .await?;
    Ok(())
}
