//! The module `statistics`: how many posts were written in each of the last 24 hours.

use crate::{
    app::App,
    pages::{PageResult, Visit},
    platform::Db,
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use common::{http::Json, problem::Problem};
use minijinja::{context, value::Serde};
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

#[derive(Serialize, ToSchema)]
pub struct Statistics {
    /// The last 24 hours, oldest first, the present one included.
    pub hours: Vec<Hour>,
}

#[utoipa::path(get, path = "/v1/statistics", operation_id = "getStatistics", tag = "statistics", security(()),
    responses((status = 200, description = "The posts of each hour.", body = Statistics),
        (status = 404, description = "The forum has no statistics.")))]
pub async fn get(State(app): State<App>, db: Db) -> Result<Json<Statistics>, Problem> {
    Ok(Json(Statistics { hours: hours(&mut *db.acquire().await?, app.ambient.now()).await? }))
}

pub async fn page(State(app): State<App>, visit: Visit, db: Db) -> PageResult {
    let hours = hours(&mut *db.acquire().await?, app.ambient.now()).await?;
    let (most, total) = (
        hours.iter().map(|hour| hour.posts).max().unwrap_or_default(),
        hours.iter().map(|hour| hour.posts).sum::<i64>(),
    );
    visit.page("statistics.html", context! { hours => Serde(&hours), most, total })
}

async fn hours(conn: &mut PgConnection, now: DateTime<Utc>) -> sqlx::Result<Vec<Hour>> {
    sqlx::query_as(HOURS).bind(now).fetch_all(conn).await
}
