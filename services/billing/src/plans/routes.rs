//! HTTP of plans.

use super::{Plan, PlanVersion, Rate, publication::Publication, same_prices, store};
use crate::app::App;
use access::Allowed;
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::Response,
};
use common::{
    db::CrossTenantTx,
    http::{Json, Path, Query},
    page::{Page, PageQuery},
    problem::Problem,
};
use idempotency::Creating;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

access::permissions! {
    pub ReadPlans = platform "billing.readPlans",
    pub PublishPlans = platform "billing.publishPlans",
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PlanFilter {
    /// Only plans of this service.
    pub service: Option<String>,
}

/// A version of a plan with what everything costs in it.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlanVersionWithRates {
    #[serde(flatten)]
    pub version: PlanVersion,
    pub rates: Vec<Rate>,
}

#[utoipa::path(get, path = "/v1/plans", operation_id = "listPlans", tag = "plans", params(PlanFilter, PageQuery),
    responses((status = 200, body = Page<Plan>)), security(("bearer" = ["billing.readPlans"])))]
pub async fn list(
    State(app): State<App>,
    caller: Allowed<ReadPlans>,
    Query(filter): Query<PlanFilter>,
    Query(query): Query<PageQuery>,
) -> Result<Page<Plan>, Problem> {
    let page = query.check()?;
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    let plans = store::page(&mut tx, filter.service.as_deref(), page).await?;
    Ok(Page::cut(plans, page, |plan| plan.id))
}

#[utoipa::path(get, path = "/v1/plans/{name}/versions", operation_id = "listPlanVersions", tag = "plans",
    params(("name" = String, Path), PageQuery),
    responses((status = 200, body = Page<PlanVersion>), (status = 404, description = "`plan_not_found`")),
    security(("bearer" = ["billing.readPlans"])))]
pub async fn versions(
    State(app): State<App>,
    caller: Allowed<ReadPlans>,
    Path(name): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Page<PlanVersion>, Problem> {
    let page = query.check()?;
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    store::find_plan(&mut tx, &name).await?.ok_or_else(no_plan)?;
    Ok(Page::cut(store::versions(&mut tx, &name, page).await?, page, |version| version.id))
}

#[utoipa::path(get, path = "/v1/plans/{name}/versions/{version}", operation_id = "getPlanVersion", tag = "plans",
    params(("name" = String, Path), ("version" = String, Path)),
    responses((status = 200, body = PlanVersionWithRates), (status = 404, description = "`plan_not_found`")),
    security(("bearer" = ["billing.readPlans"])))]
pub async fn get(
    State(app): State<App>,
    caller: Allowed<ReadPlans>,
    Path((name, version)): Path<(String, String)>,
) -> Result<Json<PlanVersionWithRates>, Problem> {
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    let version = store::version(&mut tx, &name, &version).await?.ok_or_else(no_plan)?;
    let rates = store::rates(&mut tx, &version.plan, &version.version).await?;
    Ok(Json(PlanVersionWithRates { version, rates }))
}

#[utoipa::path(post, path = "/v1/plans", operation_id = "publishPlan", tag = "plans", request_body = Publication,
    responses((status = 201, body = PlanVersionWithRates, description = "Published.", headers(("Location" = String))),
        (status = 200, body = PlanVersionWithRates, description = "The very same was published before."),
        (status = 409, description = "`version_taken`: this version was published with other rates. \
                                      `version_not_newer`: a later one is published. \
                                      `plan_differs`: the plan has another service or title.")),
    security(("bearer" = ["billing.publishPlans"])))]
pub async fn publish(
    State(app): State<App>,
    caller: Allowed<PublishPlans>,
    Creating(Json(body), mut once): Creating<Json<Publication>>,
) -> Result<Response, Problem> {
    let faults = body.faults();
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let location = [(header::LOCATION, format!("/v1/plans/{}/versions/{}", body.name, body.version))];
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    if let Some(earlier) = once.begin(&mut tx, &caller).await? {
        return Ok(earlier);
    }
    let (status, published) = keep(&mut tx, &app, body).await?;
    let answer = once.remember(tx.narrow(caller.tenant).await?, (status, location, Json(published))).await?;
    tx.commit().await?;
    Ok(answer)
}

async fn keep(
    tx: &mut CrossTenantTx,
    app: &App,
    body: Publication,
) -> Result<(StatusCode, PlanVersionWithRates), Problem> {
    let id = || app.ambient.uuid();
    let plan = Plan { id: id(), name: body.name.clone(), service: body.service.clone(), title: body.title.clone() };
    let kept = store::keep(tx, &plan).await?;
    if (&kept.service, &kept.title) != (&plan.service, &plan.title) {
        return Err(Problem::conflict("plan_differs", "The plan has another service or title."));
    }
    let (name, number) = (body.name.clone(), body.version.clone());
    let rates = body.rates(&app.ambient);
    if let Some(version) = store::version(tx, &name, &number).await? {
        let there = store::rates(tx, &name, &number).await?;
        if !same_prices(&there, &rates) {
            let text = "This version was published with other rates. Raise the version.";
            return Err(Problem::conflict("version_taken", text));
        }
        return Ok((StatusCode::OK, PlanVersionWithRates { version, rates: there }));
    }
    if store::has_reached(tx, &name, &number).await? {
        return Err(Problem::conflict("version_not_newer", "A later version of this plan is published."));
    }
    let version = PlanVersion { id: id(), plan: name, version: number, published_at: app.ambient.now() };
    store::publish(tx, &version, &rates).await?;
    let rates = store::rates(tx, &version.plan, &version.version).await?;
    Ok((StatusCode::CREATED, PlanVersionWithRates { version, rates }))
}

pub fn no_plan() -> Problem {
    Problem::not_found("plan_not_found", "There is no such plan, or no such version of it.")
}
