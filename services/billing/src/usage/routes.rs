//! HTTP of usage.

use super::store::{self, FeatureUse, MeterUse};
use crate::app::App;
use access::Allowed;
use axum::extract::State;
use common::{http::Json, problem::Problem};
use serde::Serialize;
use utoipa::ToSchema;

access::permissions! { pub ReadUsage = "billing.readUsage" }

#[derive(Debug, Serialize, ToSchema)]
pub struct Usage {
    pub features: Vec<FeatureUse>,
    pub meters: Vec<MeterUse>,
}

#[utoipa::path(get, path = "/v1/usage", operation_id = "getUsage", tag = "usage",
    responses((status = 200, body = Usage)), security(("bearer" = ["billing.readUsage"])))]
pub async fn get(State(app): State<App>, caller: Allowed<ReadUsage>) -> Result<Json<Usage>, Problem> {
    let tx = &mut caller.begin(&app.db).await?;
    let features = store::features(tx).await?;
    let meters = store::meters(tx).await?;
    Ok(Json(Usage { features, meters }))
}
