//! HTTP of cycles: those of every tenant are the operators' to see and to close.

use super::{
    closing::CLOSE,
    proof_store,
    proving::PROVE,
    store::{self, Cycle, CycleState},
};
use crate::app::App;
use access::Allowed;
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use common::{
    db::Scoped,
    http::{Json, Path, Query},
    page::{Page, PageQuery},
    problem::Problem,
};
use contracts::id::TenantId;
use idempotency::Once;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

access::permissions! {
    pub ReadCycles = platform "billing.readCycles",
    pub CloseCycles = platform "billing.closeCycles",
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CycleFilter {
    /// Only this tenant's cycles.
    pub tenant_id: Option<TenantId>,
    /// Only cycles in this state.
    #[param(inline)]
    pub state: Option<CycleState>,
}

#[utoipa::path(get, path = "/v1/cycles", operation_id = "listCycles", tag = "cycles", params(CycleFilter, PageQuery),
    responses((status = 200, body = Page<Cycle>)), security(("bearer" = ["billing.readCycles"])))]
pub async fn list(
    State(app): State<App>,
    caller: Allowed<ReadCycles>,
    Query(filter): Query<CycleFilter>,
    Query(query): Query<PageQuery>,
) -> Result<Page<Cycle>, Problem> {
    let page = query.check()?;
    let cycles =
        store::page(&mut caller.begin_across_tenants(&app.db).await?, filter.tenant_id, filter.state, page).await?;
    Ok(Page::cut(cycles, page, |cycle| cycle.id))
}

#[utoipa::path(get, path = "/v1/cycles/{id}", operation_id = "getCycle", tag = "cycles", params(("id" = Uuid, Path)),
    responses((status = 200, body = Cycle), (status = 404, description = "`cycle_not_found`")),
    security(("bearer" = ["billing.readCycles"])))]
pub async fn get(
    State(app): State<App>,
    caller: Allowed<ReadCycles>,
    Path(id): Path<Uuid>,
) -> Result<Json<Cycle>, Problem> {
    let cycle = store::find(&mut caller.begin_across_tenants(&app.db).await?, id).await?;
    Ok(Json(cycle.ok_or_else(no_cycle)?))
}

#[utoipa::path(post, path = "/v1/cycles/{id}/close", operation_id = "closeCycle", tag = "cycles",
    params(("id" = Uuid, Path)),
    responses(
        (status = 202, body = Cycle, headers(("Location" = String)),
            description = "The cycle is over, and its invoice is being made."),
        (status = 200, body = Cycle, headers(("Location" = String)), description = "It was closed before."),
        (status = 404, description = "`cycle_not_found`")),
    security(("bearer" = ["billing.closeCycles"])))]
pub async fn close(
    State(app): State<App>,
    caller: Allowed<CloseCycles>,
    Path(id): Path<Uuid>,
    mut once: Once,
) -> Result<Response, Problem> {
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    if let Some(earlier) = once.begin(&mut tx, &caller).await? {
        return Ok(earlier);
    }
    store::end_now(&mut tx, id, app.ambient.now()).await?;
    let cycle = store::find(&mut tx, id).await?.ok_or_else(no_cycle)?;
    let status = if cycle.state == CycleState::Closed { StatusCode::OK } else { StatusCode::ACCEPTED };
    let answer = (status, [(header::LOCATION, format!("/v1/cycles/{id}"))], Json(cycle));
    // The key is the operator's, and the cycle another tenant's.
    let answer = once.remember(tx.narrow(caller.tenant).await?, answer).await?;
    tx.wake(CLOSE);
    tx.commit().await?;
    tracing::info!(cycle_id = %id, "A cycle is to be closed");
    Ok(answer)
}

#[utoipa::path(post, path = "/v1/cycles/{id}/prove", operation_id = "proveCycle", tag = "cycles",
    params(("id" = Uuid, Path)),
    responses((status = 202, body = Cycle, description = "It will be.", headers(("Location" = String))),
        (status = 404, description = "`cycle_not_found`"),
        (status = 409, description = "`cycle_not_closed`")),
    extensions(("x-no-idempotency-key" = json!("It is proved once more, or sooner."))),
    security(("bearer" = ["billing.readCycles"])))]
pub async fn prove(
    State(app): State<App>,
    caller: Allowed<ReadCycles>,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    let cycle = store::find(&mut tx, id).await?.ok_or_else(no_cycle)?;
    if cycle.state != CycleState::Closed {
        return Err(Problem::conflict("cycle_not_closed", "Only a closed cycle has an invoice that can be proved."));
    }
    proof_store::ask(&mut tx, id, app.ambient.now()).await?;
    tx.wake(PROVE);
    tx.commit().await?;
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, format!("/v1/cycles/{id}"))], Json(cycle)).into_response())
}

fn no_cycle() -> Problem {
    Problem::not_found("cycle_not_found", "There is no such cycle.")
}
