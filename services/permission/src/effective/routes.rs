//! What may I do? Answered from the database, not from the cache.

use super::store;
use crate::app::App;
use axum::extract::State;
use common::{
    access::Authenticated,
    http::Json,
    problem::{FieldError, Problem},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub struct MyPermissions {
    /// Names of every permission, sorted.
    #[schema(example = json!(["billing.readInvoices"]))]
    pub permissions: BTreeSet<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
pub struct CheckRequest {
    #[schema(example = "billing.readInvoices")]
    pub permission: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct CheckAnswer {
    pub allowed: bool,
}

#[utoipa::path(get, path = "/v1/me/permissions", operation_id = "listMyPermissions", tag = "me",
    responses((status = 200, body = MyPermissions)), security(("bearer" = [])))]
pub async fn mine(State(app): State<App>, caller: Authenticated) -> Result<Json<MyPermissions>, Problem> {
    let standing = store::read(&mut *app.pool.acquire().await?, caller.tenant, &caller.principal).await?;
    Ok(Json(MyPermissions { permissions: standing.at(app.ambient.now()).permissions }))
}

#[utoipa::path(post, path = "/v1/check", operation_id = "checkPermission", tag = "me", request_body = CheckRequest,
    responses((status = 200, body = CheckAnswer)), security(("bearer" = [])))]
pub async fn check(State(app): State<App>, caller: Authenticated, Json(request): Json<CheckRequest>) -> Result<Json<CheckAnswer>, Problem> {
    let standing = store::read(&mut *app.pool.acquire().await?, caller.tenant, &caller.principal).await?;
    if !standing.catalog.iter().any(|entry| entry.name == request.permission) {
        return Err(Problem::invalid(vec![FieldError::new("permission", "unknown", "must be a permission of the catalog")]));
    }
    Ok(Json(CheckAnswer { allowed: standing.at(app.ambient.now()).permissions.contains(&request.permission) }))
}
