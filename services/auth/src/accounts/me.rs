//! Who the caller is: a person sees themselves, an API key no more of its owner than it may see of any member, a
//! machine itself.

use super::{
    routes::ReadMembers,
    store::{self, Tenant},
};
use crate::{app::App, clients::store as clients, factors::authentication::is_by_provider};
use access::{Authenticated, Permission};
use axum::{extract::State, http::StatusCode};
use common::{http::Json, problem::Problem};
use contracts::id::{ClientId, Principal, UserId};
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub struct Me {
    /// The person who is logged in, or whose API key this is.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<Myself>,
    /// The machine, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<Machine>,
    /// The tenant that the token acts in.
    tenant: Tenant,
    /// Every tenant the person may log in to; for an API key, a machine, or who is signed in by the tenant's identity
    /// provider only the one it acts in.
    tenants: Vec<Tenant>,
}

#[derive(Serialize, ToSchema)]
pub struct Myself {
    id: UserId,
    /// To an API key only with `auth.readMembers`.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// To an API key only with `auth.readMembers`.
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Machine {
    id: ClientId,
    #[schema(example = "nightly import")]
    name: String,
}

#[utoipa::path(get, path = "/v1/me", operation_id = "getMe", tag = "accounts", responses((status = 200, body = Me),
        (status = 404, description = "`user_not_found`")),
    security(("bearer" = [])))]
pub async fn me(State(app): State<App>, caller: Authenticated) -> Result<Json<Me>, Problem> {
    match (&caller.principal, &caller.claims.scope) {
        (Principal::User(user), None) => person(&app, &caller, *user).await,
        (Principal::User(user), Some(_)) => key(&app, &caller, *user).await,
        (Principal::Client(id), _) => machine(&app, &caller, id).await,
    }
    .map(Json)
}

async fn person(app: &App, caller: &Authenticated, id: UserId) -> Result<Me, Problem> {
    // The other tenants that the person belongs to are part of the answer.
    let mut tx = app.db.begin_lookup().await?;
    let user = store::find_user(&mut tx, id).await?.ok_or_else(gone)?;
    let mut tenants = store::tenants_of(&mut tx, id).await?;
    if is_by_provider(&caller.claims.amr) {
        tenants.retain(|tenant| tenant.id == caller.tenant);
    }
    let tenant = tenants.iter().find(|tenant| tenant.id == caller.tenant).cloned().ok_or_else(gone)?;
    let user = Myself { id, email: Some(user.email), display_name: Some(user.display_name) };
    Ok(Me { user: Some(user), client: None, tenant, tenants })
}

async fn key(app: &App, caller: &Authenticated, id: UserId) -> Result<Me, Problem> {
    let sees_members = match app.access.admit(&caller.claims, Some(ReadMembers::NAME)).await {
        Ok(_) => true,
        Err(refused) if refused.status == StatusCode::FORBIDDEN => false,
        Err(problem) => return Err(problem),
    };
    let mut tx = caller.begin(&app.db).await?;
    let tenant = store::tenant_of_member(&mut tx, id).await?.ok_or_else(gone)?;
    let user = if sees_members { store::find_user(&mut tx, id).await? } else { None };
    let (email, display_name) = user.map(|user| (user.email, user.display_name)).unzip();
    Ok(Me { user: Some(Myself { id, email, display_name }), client: None, tenants: vec![tenant.clone()], tenant })
}

async fn machine(app: &App, caller: &Authenticated, id: &str) -> Result<Me, Problem> {
    let mut tx = caller.begin(&app.db).await?;
    let id = id.parse().map_err(|_| gone())?;
    let client = clients::find(&mut tx, id).await?.ok_or_else(gone)?;
    let tenant = store::tenant(&mut tx).await?.ok_or_else(gone)?;
    Ok(Me { user: None, client: Some(Machine { id, name: client.name }), tenants: vec![tenant.clone()], tenant })
}

fn gone() -> Problem {
    Problem::not_found("user_not_found", "The caller does not belong to this tenant any more.")
}
