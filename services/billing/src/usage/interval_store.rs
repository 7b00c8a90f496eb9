//! SQL of the intervals that an invoice takes: what lies before its end, and is on no invoice yet.

use super::periods::Piece;
use chrono::{DateTime, Utc};
use common::db::TenantTx;
use contracts::id::InstanceId;
use uuid::Uuid;

/// An interval with time that no invoice has taken yet, or with too much taken.
pub struct DueInterval {
    pub id: Uuid,
    pub instance_id: InstanceId,
    pub service: String,
    pub feature: String,
    pub host: String,
    pub begin_at: DateTime<Utc>,
    pub billed_until: DateTime<Utc>,
    /// Where billing it now ends.
    pub until: DateTime<Utc>,
}

macro_rules! due {
    ($lock:literal, $tenant:expr, $end:expr) => {
        sqlx::query_as!(
            DueInterval,
            r#"SELECT id, instance_id, service, feature, host, begin_at, billed_until, least(end_at, $2) AS "until!"
               FROM usage_interval
               WHERE tenant_id = $1 AND begin_at < $2 AND NOT settled AND billed_until <> least(end_at, $2)
               ORDER BY id "#
                + $lock,
            $tenant,
            $end
        )
    };
}

/// The intervals that an invoice up to `end` takes, if they are rated.
pub async fn due(tx: &mut TenantTx, end: DateTime<Utc>) -> sqlx::Result<Vec<DueInterval>> {
    due!("", tx.tenant().0, end).fetch_all(&mut **tx).await
}

/// Locked, so that nobody ends one meanwhile.
pub async fn hold_due(tx: &mut TenantTx, end: DateTime<Utc>) -> sqlx::Result<Vec<DueInterval>> {
    due!("FOR UPDATE", tx.tenant().0, end).fetch_all(&mut **tx).await
}

/// Notes which line has taken which piece of an interval; those of one interval follow each other.
pub async fn bill(tx: &mut TenantTx, taken: &[(Uuid, Uuid, Piece)]) -> sqlx::Result<()> {
    if taken.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "WITH piece AS (SELECT * FROM UNNEST($2::uuid[], $3::uuid[], $4::timestamptz[], $5::timestamptz[])
             WITH ORDINALITY AS piece (line_id, id, from_at, until_at, place)),
           billed AS (UPDATE usage_interval i SET billed_until = last.until_at
             FROM (SELECT DISTINCT ON (id) id, until_at FROM piece ORDER BY id, place DESC) AS last
             WHERE i.id = last.id AND i.tenant_id = $1)
         INSERT INTO invoice_line_interval (line_id, interval_id, tenant_id, from_at, until_at)
         SELECT line_id, id, $1, from_at, until_at FROM piece",
        tx.tenant().0,
        &taken.iter().map(|(line, ..)| *line).collect::<Vec<_>>(),
        &taken.iter().map(|(_, interval, _)| *interval).collect::<Vec<_>>(),
        &taken.iter().map(|(.., piece)| piece.from).collect::<Vec<_>>(),
        &taken.iter().map(|(.., piece)| piece.until).collect::<Vec<_>>(),
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}
