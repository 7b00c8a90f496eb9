//! Liveness of a session in the database, asked by the other services while Redis is away.

use super::store;
use crate::app::App;
use access::{Internal, SessionAnswer};
use axum::extract::State;
use common::{
    http::{Json, Path},
    problem::Problem,
};
use contracts::id::{SessionId, TenantId};

access::callers! { pub AnyService = ["*"] }

#[utoipa::path(get, path = "/internal/sessions/{tenant_id}/{sid}", operation_id = "sessionAlive", tag = "internal",
    params(("tenant_id" = TenantId, Path), ("sid" = SessionId, Path, description = "The token's `sid`.")),
    responses((status = 200, body = SessionAnswer)),
    security(("platform_client" = ["*"])))]
pub async fn alive(
    State(app): State<App>,
    caller: Internal<AnyService>,
    Path((tenant, session)): Path<(TenantId, SessionId)>,
) -> Result<Json<SessionAnswer>, Problem> {
    let mut tx = caller.begin_for(&app.db, tenant).await?;
    let alive = store::is_alive(&mut tx, session, app.ambient.now()).await?;
    Ok(Json(SessionAnswer { alive }))
}
