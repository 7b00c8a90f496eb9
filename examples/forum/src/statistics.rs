//! The module `statistics`: how many posts were written in each of the last 24 hours.

mod store;

use crate::{
    app::App,
    pages::{PageResult, Visit},
    platform::Db,
};
use axum::extract::State;
use common::{http::Json, problem::Problem};
use minijinja::{context, value::Serde};
use serde::Serialize;
use store::Hour;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub struct Statistics {
    /// The last 24 hours, oldest first, the present one included.
    pub hours: Vec<Hour>,
}

#[utoipa::path(get, path = "/v1/statistics", operation_id = "getStatistics", tag = "statistics", security(()),
    responses((status = 200, description = "The posts of each hour.", body = Statistics)))]
pub async fn get(State(app): State<App>, db: Db) -> Result<Json<Statistics>, Problem> {
    Ok(Json(Statistics { hours: store::hours(&mut *db.acquire().await?, app.ambient.now()).await? }))
}

pub async fn page(State(app): State<App>, visit: Visit, db: Db) -> PageResult {
    let hours = store::hours(&mut *db.acquire().await?, app.ambient.now()).await?;
    let (most, total) = (
        hours.iter().map(|hour| hour.posts).max().unwrap_or_default(),
        hours.iter().map(|hour| hour.posts).sum::<i64>(),
    );
    visit.page("statistics.html", context! { hours => Serde(&hours), most, total })
}
