//! Endpoints of the suppression list, for operators.

use super::store::{self, Suppression};
use crate::app::App;
use access::{Allowed, permissions};
use axum::{extract::State, http::StatusCode};
use common::{
    http::{Path, Query},
    page::{Page, PageQuery},
    problem::Problem,
};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

permissions! {
    pub ReadSuppressions = platform "mailer.readSuppressions",
    pub WriteSuppressions = platform "mailer.writeSuppressions",
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Only suppressions of this address.
    address: Option<String>,
}

#[utoipa::path(get, path = "/v1/suppressions", operation_id = "listSuppressions", tag = "suppressions",
    params(Filter, PageQuery),
    responses((status = 200, body = Page<Suppression>)), security(("bearer" = ["mailer.readSuppressions"])))]
pub async fn list(
    State(app): State<App>,
    caller: Allowed<ReadSuppressions>,
    Query(filter): Query<Filter>,
    Query(page): Query<PageQuery>,
) -> Result<Page<Suppression>, Problem> {
    let request = page.check()?;
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    let suppressions = store::list(&mut tx, filter.address.as_deref(), request).await?;
    Ok(Page::cut(suppressions, request, |suppression| suppression.id))
}

#[utoipa::path(delete, path = "/v1/suppressions/{id}", operation_id = "removeSuppression", tag = "suppressions",
    params(("id" = Uuid, Path)),
    responses((status = 204),
        (status = 404, description = "`suppression_not_found`")), security(("bearer" = ["mailer.writeSuppressions"])))]
pub async fn remove(
    State(app): State<App>,
    caller: Allowed<WriteSuppressions>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    if !store::remove(&mut tx, id).await? {
        return Err(Problem::not_found("suppression_not_found", "There is no such suppression."));
    }
    tx.commit().await?;
    tracing::info!(by = %caller.principal, suppression_id = %id, "An address was put back into circulation");
    Ok(StatusCode::NO_CONTENT)
}
