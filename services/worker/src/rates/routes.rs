//! Endpoints of rates, for operators.

use super::{
    model::{Rate, RateBody, check_kind},
    store,
};
use crate::{
    app::App,
    jobs::routes::{ReadJobs, WriteJobs},
};
use access::Allowed;
use axum::{extract::State, http::StatusCode};
use common::{
    db::CrossTenantTx,
    http::{ETag, IfMatch, Json, Path, Query},
    page::{Page, PageQuery},
    problem::Problem,
};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Whose {
    /// The rate of this tenant; without it, that of each tenant that has none of its own.
    tenant_id: Option<Uuid>,
}

#[utoipa::path(get, path = "/v1/rates", operation_id = "listRates", tag = "limits", params(PageQuery),
    responses((status = 200, body = Page<Rate>)), security(("bearer" = ["worker.readJobs"])))]
pub async fn list(
    State(app): State<App>,
    caller: Allowed<ReadJobs>,
    Query(page): Query<PageQuery>,
) -> Result<Page<Rate>, Problem> {
    let request = page.check()?;
    let rows = store::page(&mut caller.begin_across_tenants(&app.db).await?, request).await?;
    let rates = rows.into_iter().map(Rate::from).collect();
    Ok(Page::cut(rates, request, |rate: &Rate| rate.id.unwrap_or_default()))
}

#[utoipa::path(get, path = "/v1/rates/{kind}", operation_id = "getRate", tag = "limits",
    params(("kind" = String, Path, example = "instance.seed"), Whose),
    responses((status = 200, body = Rate, headers(("ETag" = String)))),
    security(("bearer" = ["worker.readJobs"])))]
pub async fn get(
    State(app): State<App>,
    caller: Allowed<ReadJobs>,
    Path(kind): Path<String>,
    Query(whose): Query<Whose>,
) -> Result<(ETag, Json<Rate>), Problem> {
    let rate = find(&mut caller.begin_across_tenants(&app.db).await?, kind, whose).await?;
    Ok((ETag(rate.revision), Json(rate)))
}

#[utoipa::path(put, path = "/v1/rates/{kind}", operation_id = "setRate", tag = "limits", request_body = RateBody,
    params(("kind" = String, Path, example = "instance.seed"), Whose,
        ("If-Match" = String, Header, description = "The `ETag` of what was read, or `*`.")),
    responses((status = 200, body = Rate, headers(("ETag" = String))),
        (status = 412, description = "`rate_edited`: somebody else has set it since it was read."),
        (status = 428, description = "`if_match_missing`")),
    security(("bearer" = ["worker.writeJobs"])))]
pub async fn set(
    State(app): State<App>,
    caller: Allowed<WriteJobs>,
    Path(kind): Path<String>,
    Query(whose): Query<Whose>,
    read: IfMatch,
    Json(body): Json<RateBody>,
) -> Result<(ETag, Json<Rate>), Problem> {
    body.check()?;
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    let rate = find(&mut tx, kind, whose).await?;
    read.check(rate.revision, "rate_edited")?;
    let set = store::set(&mut tx, &rate, &body, &caller.principal.to_string()).await?;
    // Two who set it for the first time meet here.
    let set = Rate::from(set.ok_or_else(edited)?);
    tx.commit().await?;
    tracing::info!(kind = set.kind, jobs = set.jobs, seconds = set.seconds, "A rate of jobs is set");
    Ok((ETag(set.revision), Json(set)))
}

#[utoipa::path(delete, path = "/v1/rates/{kind}", operation_id = "deleteRate", tag = "limits",
    params(("kind" = String, Path, example = "instance.seed"), Whose),
    responses((status = 204), (status = 404, description = "`rate_not_found`")),
    security(("bearer" = ["worker.writeJobs"])))]
pub async fn delete(
    State(app): State<App>,
    caller: Allowed<WriteJobs>,
    Path(kind): Path<String>,
    Query(whose): Query<Whose>,
) -> Result<StatusCode, Problem> {
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    let rate = find(&mut tx, kind, whose).await?;
    if rate.id.is_none() {
        return Err(Problem::not_found("rate_not_found", "Nobody has set such a rate."));
    }
    store::delete(&mut tx, &rate).await?;
    tx.commit().await?;
    tracing::info!(kind = rate.kind, "A rate of jobs is no more");
    Ok(StatusCode::NO_CONTENT)
}

async fn find(tx: &mut CrossTenantTx, kind: String, Whose { tenant_id }: Whose) -> Result<Rate, Problem> {
    check_kind(&kind)?;
    let row = store::get(tx, &kind, tenant_id).await?;
    Ok(row.map_or_else(|| Rate::unset(kind, tenant_id), Rate::from))
}

fn edited() -> Problem {
    let detail = "Somebody else has set it since. Read it again, and make your change from there.";
    Problem::new(StatusCode::PRECONDITION_FAILED, "rate_edited", detail)
}
