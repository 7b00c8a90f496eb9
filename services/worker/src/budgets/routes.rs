//! Endpoints of budgets, for operators.

use super::store;
use crate::{
    app::App,
    jobs::routes::{ReadJobs, WriteJobs},
};
use access::Allowed;
use axum::{extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use common::{
    http::{ETag, IfMatch, Json, Path, Query},
    page::{Page, PageQuery},
    problem::{FieldError, Problem},
};
use contracts::id::TenantId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// So many jobs of a tenant may be begun on one day (UTC). Each job counts once, however often it is tried.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Budget {
    pub tenant_id: Uuid,
    /// Absent means as many as there are.
    #[schema(example = 1000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jobs_per_day: Option<i32>,
    /// Jobs that were begun today.
    pub begun_today: i32,
    /// Goes up at each edit; 0 for a budget that nobody has set.
    pub revision: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_by: Option<String>,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct BudgetBody {
    /// 0 to 2,147,483,647: 0 lets none be begun. Absent means as many as there are.
    #[schema(example = 1000, minimum = 0, maximum = 2_147_483_647)]
    pub jobs_per_day: Option<u32>,
}

impl BudgetBody {
    fn check(&self) -> Result<Option<i32>, Problem> {
        let range = |_| FieldError::new("jobs_per_day", "out_of_range", format!("must be 0 to {}", i32::MAX));
        self.jobs_per_day.map(i32::try_from).transpose().map_err(|error| Problem::invalid(vec![range(error)]))
    }
}

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
