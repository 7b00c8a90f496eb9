//! Endpoint for billing: which features of which instances are in use? Of all tenants.
//!
//! It lists instances, each with all its features: if they were on two pages, they would be of two instants.

use super::store;
use crate::app::App;
use access::{Internal, callers};
use axum::extract::State;
use common::{
    http::Query,
    page::{Page, PageQuery},
    problem::Problem,
};
use contracts::http::instances::ActiveInstance;

callers! { pub Billing = ["billing"] }

#[utoipa::path(get, path = "/internal/active-features", operation_id = "listActiveFeatures", tag = "instances",
    params(PageQuery),
    responses((status = 200, body = Page<ActiveInstance>)), security(("platform_client" = ["billing"])))]
pub async fn list(
    State(app): State<App>,
    caller: Internal<Billing>,
    Query(page): Query<PageQuery>,
) -> Result<Page<ActiveInstance>, Problem> {
    let page = page.check()?;
    let instances = store::page(&mut caller.begin_across_tenants(&app.db).await?, page).await?;
    Ok(Page::cut(instances, page, |instance| instance.instance_id.0))
}
