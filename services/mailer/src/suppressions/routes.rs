//! What may operators do with the suppression list?

use super::store::{self, Suppression};
use crate::app::App;
use axum::{extract::State, http::StatusCode};
use common::{
    access::Allowed,
    http::{Json, Path, Query},
    page::{Page, PageQuery},
    permissions,
    problem::Problem,
};

permissions! {
    pub ReadSuppressions = "mailer.readSuppressions",
    pub WriteSuppressions = "mailer.writeSuppressions",
}

#[utoipa::path(get, path = "/v1/suppressions", operation_id = "listSuppressions", tag = "suppressions", params(PageQuery),
    responses((status = 200, body = Page<Suppression>)), security(("bearer" = ["mailer.readSuppressions"])))]
pub async fn list(State(app): State<App>, _: Allowed<ReadSuppressions>, Query(page): Query<PageQuery>) -> Result<Json<Page<Suppression>>, Problem> {
    let request = page.check()?;
    let suppressions = store::list(&mut *app.pool.acquire().await?, request).await?;
    Ok(Json(Page::cut(suppressions, request, |suppression| suppression.message_id)))
}

#[utoipa::path(delete, path = "/v1/suppressions/{address}", operation_id = "removeSuppression", tag = "suppressions", params(("address" = String, Path)),
    responses((status = 204)), security(("bearer" = ["mailer.writeSuppressions"])))]
pub async fn remove(State(app): State<App>, caller: Allowed<WriteSuppressions>, Path(address): Path<String>) -> Result<StatusCode, Problem> {
    if !store::remove(&mut *app.pool.acquire().await?, &address).await? {
        return Err(Problem::not_found("suppression_not_found", "This address is not suppressed."));
    }
    tracing::info!(by = %caller.principal, "an address was put back into circulation");
    Ok(StatusCode::NO_CONTENT)
}
