//! HTTP of who uses what: a tenant sees its own, operators see all.

use super::store::{self, FeatureFilter, UsedFeature};
use crate::{app::App, usage::routes::ReadUsage};
use access::Allowed;
use axum::extract::State;
use common::{
    http::Query,
    page::{Page, PageQuery},
    problem::{FieldError, Problem},
};
use contracts::id::TenantId;
use serde::Deserialize;
use utoipa::IntoParams;

/// Characters of a service's name.
const LONGEST_SERVICE: usize = 40;

access::permissions! { pub ReadFeatures = platform "billing.readFeatures" }

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TenantFilter {
    /// Only this tenant's.
    pub tenant_id: Option<TenantId>,
}

#[utoipa::path(get, path = "/v1/features", operation_id = "listFeatures", tag = "usage",
    params(FeatureFilter, PageQuery), responses((status = 200, body = Page<UsedFeature>)),
    security(("bearer" = ["billing.readUsage"])))]
pub async fn list(
    State(app): State<App>,
    caller: Allowed<ReadUsage>,
    Query(filter): Query<FeatureFilter>,
    Query(query): Query<PageQuery>,
) -> Result<Page<UsedFeature>, Problem> {
    let (filter, page) = (check(filter)?, query.check()?);
    let tx = &mut caller.begin(&app.db).await?;
    let features = store::of_tenant(tx, caller.tenant, &filter, page).await?;
    Ok(Page::cut(features, page, |feature| feature.id))
}

#[utoipa::path(get, path = "/v1/tenant-features", operation_id = "listTenantFeatures", tag = "usage",
    params(TenantFilter, FeatureFilter, PageQuery), responses((status = 200, body = Page<UsedFeature>)),
    security(("bearer" = ["billing.readFeatures"])))]
pub async fn list_all(
    State(app): State<App>,
    caller: Allowed<ReadFeatures>,
    Query(TenantFilter { tenant_id }): Query<TenantFilter>,
    Query(filter): Query<FeatureFilter>,
    Query(query): Query<PageQuery>,
) -> Result<Page<UsedFeature>, Problem> {
    let (filter, page) = (check(filter)?, query.check()?);
    let features = store::of_all(&mut caller.begin_across_tenants(&app.db).await?, tenant_id, &filter, page).await?;
    Ok(Page::cut(features, page, |feature| feature.id))
}

/// 422 for a service that has no name of one.
fn check(filter: FeatureFilter) -> Result<FeatureFilter, Problem> {
    let fits = |name: &String| (1..=LONGEST_SERVICE).contains(&name.chars().count()) && !name.contains('\0');
    if filter.service.as_ref().is_none_or(fits) {
        return Ok(filter);
    }
    let text = format!("must have 1 to {LONGEST_SERVICE} characters, none of them U+0000");
    Err(Problem::invalid(vec![FieldError::new("service", "length", text)]))
}
