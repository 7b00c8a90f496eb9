//! SQL of subscriptions.

use super::Subscription;
use chrono::{DateTime, Utc};
use common::db::TenantTx;

/// The latest that are shown: some years of changes.
const MOST: i64 = 500;

/// Has the tenant pay by the service's default plan, at the version that its first enabling names, unless it pays by
/// some plan already. Without a name it is the latest that had been published by then.
///
/// Whichever enabling arrives first, the earliest counts, as long as no cycle that it belongs to is over.
pub async fn begin(
    tx: &mut TenantTx,
    service: &str,
    version: Option<&str>,
    enabled_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO subscription (tenant_id, service, begin_at, plan, version, agreed_at)
         SELECT $1, $2, '-infinity', $2, coalesce($3::text, (SELECT version FROM plan_version
           WHERE plan = $2 AND published_at <= $4 ORDER BY release DESC LIMIT 1), '0'), $4
         ON CONFLICT (tenant_id, service, begin_at) DO UPDATE
           SET plan = excluded.plan, version = excluded.version, agreed_at = excluded.agreed_at
           WHERE $3::text IS NOT NULL AND excluded.agreed_at < subscription.agreed_at AND NOT EXISTS (SELECT FROM cycle
             WHERE tenant_id = $1 AND state <> 'open' AND end_at > excluded.agreed_at)",
        tx.tenant().0,
        service,
        version,
        enabled_at
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// What the tenant pays by, has paid by, and will, for one service or for all; the latest of each service first.
pub async fn list(tx: &mut TenantTx, service: Option<&str>) -> sqlx::Result<Vec<Subscription>> {
    let subscriptions = sqlx::query_as!(
        Subscription,
        r#"SELECT service, plan, version, nullif(begin_at, '-infinity') AS since,
             lead(begin_at) OVER (PARTITION BY service ORDER BY begin_at) AS until
           FROM subscription WHERE tenant_id = $1 AND ($2::text IS NULL OR service = $2)
           ORDER BY service, begin_at DESC LIMIT $3"#,
        tx.tenant().0,
        service,
        MOST
    );
    subscriptions.fetch_all(&mut **tx).await
}

/// Has the tenant pay by this version from `at` on, and takes back what was to begin later; for all time if it has paid
/// by none yet. Nothing changes where it does already.
pub async fn change(
    tx: &mut TenantTx,
    service: &str,
    plan: &str,
    version: &str,
    at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM subscription WHERE tenant_id = $1 AND service = $2 AND begin_at >= $3",
        tx.tenant().0,
        service,
        at.min(now)
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "INSERT INTO subscription (tenant_id, service, begin_at, plan, version, agreed_at)
         SELECT $1, $2, CASE WHEN last.plan IS NULL THEN '-infinity' ELSE $5::timestamptz END, $3, $4,
           CASE WHEN last.plan IS NULL THEN '-infinity' ELSE $6::timestamptz END
         FROM (SELECT) AS one LEFT JOIN LATERAL (SELECT plan, version FROM subscription
           WHERE tenant_id = $1 AND service = $2 ORDER BY begin_at DESC LIMIT 1) AS last ON true
         WHERE (last.plan, last.version) IS DISTINCT FROM ($3, $4)",
        tx.tenant().0,
        service,
        plan,
        version,
        at,
        now
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}
