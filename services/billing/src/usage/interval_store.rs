//! SQL of the intervals that an invoice takes: whatever is rated, lies before its end, and is on no invoice yet. Their
//! rate is that of the version that the instance ran at the time.

use chrono::{DateTime, Utc};
use common::db::TenantTx;
use contracts::id::InstanceId;
use uuid::Uuid;

/// An interval with time that no invoice has taken yet, or with too much taken.
pub struct DueInterval {
    pub id: Uuid,
    pub instance_id: InstanceId,
    pub feature: String,
    pub host: String,
    pub begin_at: DateTime<Utc>,
    pub billed_until: DateTime<Utc>,
    /// Where billing it now ends.
    pub until: DateTime<Utc>,
    pub rate_id: Uuid,
}

/// The rated intervals that an invoice up to `end` takes; locked, so that nobody ends one meanwhile.
pub async fn due(tx: &mut TenantTx, currency: &str, end: DateTime<Utc>) -> sqlx::Result<Vec<DueInterval>> {
    let due = sqlx::query_as!(
        DueInterval,
        r#"SELECT i.id, i.instance_id, i.feature, i.host, i.begin_at, i.billed_until, least(i.end_at, $3) AS "until!",
           r.id AS "rate_id!"
           FROM usage_interval i
           LEFT JOIN instance_version v ON v.tenant_id = i.tenant_id AND v.instance_id = i.instance_id
           AND v.service = i.service
                AND v.from_at <= i.begin_at AND (v.until_at IS NULL OR v.until_at > i.begin_at)
           JOIN rate r ON r.kind = 'feature' AND r.service = i.service AND r.name = i.feature AND r.currency = $2
                AND r.version = coalesce(i.version, v.version)
           WHERE i.tenant_id = $1 AND i.begin_at < $3 AND NOT i.settled
           AND i.billed_until <> least(i.end_at, $3)
           ORDER BY i.id FOR UPDATE OF i"#,
        tx.tenant().0,
        currency,
        end,
    );
    due.fetch_all(&mut **tx).await
}

/// Notes which line has taken each interval's time up to the given moment.
pub async fn bill(tx: &mut TenantTx, taken: &[(Uuid, &DueInterval)]) -> sqlx::Result<()> {
    if taken.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "WITH part AS (SELECT * FROM UNNEST($2::uuid[], $3::uuid[], $4::timestamptz[], $5::timestamptz[])
           AS part (line_id, id, from_at, until_at)),
           billed AS (UPDATE usage_interval i SET billed_until = part.until_at FROM part
             WHERE i.id = part.id AND i.tenant_id = $1)
         INSERT INTO invoice_line_interval (line_id, interval_id, tenant_id, from_at, until_at)
         SELECT line_id, id, $1, from_at, until_at FROM part",
        tx.tenant().0,
        &taken.iter().map(|(line, _)| *line).collect::<Vec<_>>(),
        &taken.iter().map(|(_, interval)| interval.id).collect::<Vec<_>>(),
        &taken.iter().map(|(_, interval)| interval.billed_until).collect::<Vec<_>>(),
        &taken.iter().map(|(_, interval)| interval.until).collect::<Vec<_>>(),
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}
