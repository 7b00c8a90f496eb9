//! SQL of the intervals that an invoice takes: what lies before its end, and is on no invoice yet.

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

/// A piece of an interval, on a line.
pub struct BilledPiece {
    pub line_id: Uuid,
    pub interval_id: Uuid,
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
    pub minimum_seconds: u32,
}

/// Notes which line has taken which piece, and up to when each interval is billed.
pub async fn bill(tx: &mut TenantTx, pieces: &[BilledPiece], billed: &[(Uuid, DateTime<Utc>)]) -> sqlx::Result<()> {
    if billed.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "WITH billed AS (UPDATE usage_interval i SET billed_until = billed.until_at
           FROM UNNEST($7::uuid[], $8::timestamptz[]) AS billed (id, until_at)
           WHERE i.id = billed.id AND i.tenant_id = $1)
         INSERT INTO invoice_line_interval (line_id, interval_id, tenant_id, from_at, until_at, minimum_seconds)
         SELECT line_id, id, $1, from_at, until_at, minimum_seconds
         FROM UNNEST($2::uuid[], $3::uuid[], $4::timestamptz[], $5::timestamptz[], $6::int4[])
           AS piece (line_id, id, from_at, until_at, minimum_seconds)",
        tx.tenant().0,
        &pieces.iter().map(|piece| piece.line_id).collect::<Vec<_>>(),
        &pieces.iter().map(|piece| piece.interval_id).collect::<Vec<_>>(),
        &pieces.iter().map(|piece| piece.from).collect::<Vec<_>>(),
        &pieces.iter().map(|piece| piece.until).collect::<Vec<_>>(),
        &pieces.iter().map(|piece| piece.minimum_seconds.cast_signed()).collect::<Vec<_>>(),
        &billed.iter().map(|(interval, _)| *interval).collect::<Vec<_>>(),
        &billed.iter().map(|(_, until)| *until).collect::<Vec<_>>()
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}
