//! Endpoints of budgets, for operators.

use super::{
    model::{Budget, BudgetBody},
    store,
};
use crate::{
    app::App,
    jobs::routes::{ReadJobs, WriteJobs},
};
use access::Allowed;
use axum::{extract::State, http::StatusCode};
use common::{
    http::{ETag, IfMatch, Json, Path, Query},
    page::{Page, PageQuery},
    problem::Problem,
};
use contracts::id::TenantId;

#[utoipa::path(get, path = "/v1/budgets", operation_id = "listBudgets", tag = "limits", params(PageQuery),
    responses((status = 200, body = Page<Budget>)), security(("bearer" = ["worker.readJobs"])))]
pub async fn list(
    State(app): State<App>,
    caller: Allowed<ReadJobs>,
    Query(page): Query<PageQuery>,
) -> Result<Page<Budget>, Problem> {
    let request = page.check()?;
    let budgets = store::page(&mut caller.begin_across_tenants(&app.db).await?, request).await?;
    Ok(Page::cut(budgets, request, |budget| budget.tenant_id))
}

#[utoipa::path(get, path = "/v1/budgets/{tenant_id}", operation_id = "getBudget", tag = "limits",
    params(("tenant_id" = Uuid, Path)), responses((status = 200, body = Budget, headers(("ETag" = String)))),
    security(("bearer" = ["worker.readJobs"])))]
pub async fn get(
    State(app): State<App>,
    caller: Allowed<ReadJobs>,
    Path(tenant): Path<TenantId>,
) -> Result<(ETag, Json<Budget>), Problem> {
    let budget = store::get(&mut caller.begin_across_tenants(&app.db).await?, tenant.0).await?;
    Ok((ETag(budget.revision), Json(budget)))
}

#[utoipa::path(put, path = "/v1/budgets/{tenant_id}", operation_id = "setBudget", tag = "limits",
    params(("tenant_id" = Uuid, Path),
        ("If-Match" = String, Header, description = "The `ETag` of what was read, or `*`.")),
    request_body = BudgetBody,
    responses((status = 200, body = Budget, headers(("ETag" = String))),
        (status = 412, description = "`budget_edited`: somebody else has set it since it was read."),
        (status = 428, description = "`if_match_missing`")),
    security(("bearer" = ["worker.writeJobs"])))]
pub async fn set(
    State(app): State<App>,
    caller: Allowed<WriteJobs>,
    Path(tenant): Path<TenantId>,
    read: IfMatch,
    Json(body): Json<BudgetBody>,
) -> Result<(ETag, Json<Budget>), Problem> {
    let jobs_per_day = body.check()?;
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    let budget = store::get(&mut tx, tenant.0).await?;
    read.check(budget.revision, "budget_edited")?;
    if !store::set(&mut tx, &budget, jobs_per_day, &caller.principal.to_string()).await? {
        let detail = "Somebody else has set it since. Read it again, and make your change from there.";
        return Err(Problem::new(StatusCode::PRECONDITION_FAILED, "budget_edited", detail));
    }
    let budget = store::get(&mut tx, tenant.0).await?;
    tx.commit().await?;
    tracing::info!(tenant = %tenant, jobs_per_day = budget.jobs_per_day, "A budget of jobs is set");
    Ok((ETag(budget.revision), Json(budget)))
}
