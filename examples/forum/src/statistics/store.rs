//! SQL of the statistics.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{FromRow, PgConnection};
use utoipa::ToSchema;

/// The calendar has a row for each hour, so an hour without posts is a zero and not a gap.
const HOURS: &str = "
    SELECT c.hour, count(p.id) AS posts
    FROM calendar_hours c
    LEFT JOIN posts p ON p.created_at >= c.hour AND p.created_at < c.hour + interval '1 hour'
    WHERE c.hour > $1 - interval '24 hours' AND c.hour <= $1
    GROUP BY c.hour ORDER BY c.hour";

#[derive(Debug, FromRow, Serialize, ToSchema)]
pub struct Hour {
    /// When it begins, in UTC.
    pub hour: DateTime<Utc>,
    #[schema(example = 3)]
    pub posts: i64,
}

/// The 24 hours until `now`.
pub async fn hours(conn: &mut PgConnection, now: DateTime<Utc>) -> sqlx::Result<Vec<Hour>> {
    sqlx::query_as(HOURS).bind(now).fetch_all(conn).await
}
