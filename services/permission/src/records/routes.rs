//! HTTP of records: a service that misses one asks for it.

use crate::app::App;
use access::{Fill, FillAnswer, FillRequest, Internal, callers};
use axum::extract::State;
use common::{http::Json, problem::Problem};
use std::collections::BTreeSet;

callers! { pub Platform = ["*"] }

#[utoipa::path(post, path = "/internal/records", operation_id = "fillRecord", tag = "internal",
    request_body = FillRequest,
    responses((status = 200, body = FillAnswer)),
    security(("platform_client" = ["*"])))]
pub async fn fill(
    State(app): State<App>,
    _: Internal<Platform>,
    Json(request): Json<FillRequest>,
) -> Result<Json<FillAnswer>, Problem> {
    let permissions = app.records.fill(request.tenant_id, &request.principal).await?;
    Ok(Json(FillAnswer { permissions: BTreeSet::clone(&permissions) }))
}
