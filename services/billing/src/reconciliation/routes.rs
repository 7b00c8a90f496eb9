//! HTTP of the comparison with the configurator, for operators.

use super::{
    RECONCILE,
    discrepancy_store::{self, DiscrepancyFilter, FeatureDiscrepancy},
    store,
};
use crate::{app::App, features::routes::ReadFeatures};
use access::Allowed;
use axum::{extract::State, http::StatusCode};
use common::{
    db::Scoped,
    http::Query,
    page::{Page, PageQuery},
    problem::Problem,
};

access::permissions! { pub ReconcileFeatures = platform "billing.reconcileFeatures" }

#[utoipa::path(get, path = "/v1/feature-discrepancies", operation_id = "listFeatureDiscrepancies", tag = "usage",
    params(DiscrepancyFilter, PageQuery), responses((status = 200, body = Page<FeatureDiscrepancy>)),
    security(("bearer" = ["billing.readFeatures"])))]
pub async fn list(
    State(app): State<App>,
    caller: Allowed<ReadFeatures>,
    Query(filter): Query<DiscrepancyFilter>,
    Query(query): Query<PageQuery>,
) -> Result<Page<FeatureDiscrepancy>, Problem> {
    let page = query.check()?;
    let found = discrepancy_store::page(&mut caller.begin_across_tenants(&app.db).await?, &filter, page).await?;
    Ok(Page::cut(found, page, |discrepancy| discrepancy.id))
}

#[utoipa::path(post, path = "/v1/reconciliations", operation_id = "reconcileFeatures", tag = "usage",
    responses((status = 202, description = "The comparison begins.")),
    extensions(("x-no-idempotency-key" = json!("To compare twice does no more than to compare once."))),
    security(("bearer" = ["billing.reconcileFeatures"])))]
pub async fn reconcile(State(app): State<App>, caller: Allowed<ReconcileFeatures>) -> Result<StatusCode, Problem> {
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    store::hasten(&mut tx, app.ambient.now()).await?;
    tx.wake(RECONCILE);
    tx.commit().await?;
    tracing::info!("Features in use are to be compared with the configurator's");
    Ok(StatusCode::ACCEPTED)
}
