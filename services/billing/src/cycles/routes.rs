//! HTTP of cycles: those of every tenant are the operators' to see and to close.

use super::{
    close,
    store::{self, Cycle, CycleState},
};
use crate::{
    app::App,
    invoices::routes::{InvoiceWithLines, with_lines},
};
use access::Allowed;
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::Response,
};
use common::{
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

#[utoipa::path(post, path = "/v1/cycles/{id}/close", operation_id = "closeCycle", tag = "cycles",
    params(("id" = Uuid, Path)),
    responses((status = 201, body = InvoiceWithLines, description = "The cycle is closed, and this is its invoice."),
        (status = 200, body = InvoiceWithLines, description = "It was closed before, with this invoice."),
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
    let closed = close::close(&mut tx, &app.ambient, id).await?;
    let closed = closed.ok_or_else(|| Problem::not_found("cycle_not_found", "There is no such cycle."))?;
    let shown = with_lines(tx.narrow(closed.invoice.tenant_id).await?, closed.invoice).await?;
    let (invoice_id, lines, closed_now) = (shown.invoice.id, shown.lines.len(), closed.now);
    let status = if closed_now { StatusCode::CREATED } else { StatusCode::OK };
    let answer = (status, [(header::LOCATION, format!("/v1/invoices/{invoice_id}"))], Json(shown));
    // The key is the operator's, and the invoice another tenant's.
    let answer = once.remember(tx.narrow(caller.tenant).await?, answer).await?;
    tx.commit().await?;
    tracing::info!(cycle_id = %id, %invoice_id, lines, closed_now, "A cycle was closed");
    Ok(answer)
}
