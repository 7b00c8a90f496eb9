//! Endpoints of the tenants that a person belongs to, to make another one among them.

use super::{
    founding,
    routes::logged_in,
    store::{self, Tenant},
};
use crate::{
    app::App,
    name::{Name, NotAName},
};
use access::Authenticated;
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::Response,
};
use common::{
    db::CrossTenantTx,
    http::{Json, Path},
    problem::{FieldError, Problem},
};
use contracts::id::{TenantId, UserId};
use idempotency::Creating;
use serde::Deserialize;
use utoipa::ToSchema;

/// Tenants that one person makes: each is worked for by every service.
const MOST_FOUNDED: i64 = 20;

#[derive(Deserialize, ToSchema)]
pub struct NewTenant {
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 100, example = "Globex")]
    name: Option<String>,
}

#[utoipa::path(post, path = "/v1/tenants", operation_id = "createTenant", tag = "tenants", request_body = NewTenant,
    responses((status = 201, body = Tenant, headers(("Location" = String))),
        (status = 403, description = "`people_only`, `user_session_required`, `personal_session_required`"),
        (status = 409, description = "`too_many_tenants`")),
    security(("bearer" = [])))]
pub async fn create(
    State(app): State<App>,
    caller: Authenticated,
    Creating(Json(request), mut once): Creating<Json<NewTenant>>,
) -> Result<Response, Problem> {
    let user = logged_in(&caller.claims, &caller.principal)?;
    let name: Name = request.name.unwrap_or_default().parse().map_err(unsound)?;
    let mut tx = begin(&app).await?;
    if let Some(earlier) = once.begin(&mut tx, &caller).await? {
        return Ok(earlier);
    }
    refuse_too_many(&mut tx, user).await?;
    let founder = store::find_user(&mut tx, user).await?.ok_or_else(not_found)?;
    let tenant = Tenant { id: TenantId(app.ambient.uuid()), name: name.as_str().to_owned() };
    founding::found(tx.narrow(tenant.id).await?, &app, &name, &founder).await?;
    tx.widen().await?;
    let location = [(header::LOCATION, format!("/v1/tenants/{}", tenant.id))];
    let answer = once.remember(&mut tx, (StatusCode::CREATED, location, Json(tenant))).await?;
    tx.commit().await?;
    Ok(answer)
}

#[utoipa::path(get, path = "/v1/tenants/{id}", operation_id = "getTenant", tag = "tenants",
    params(("id" = TenantId, Path)),
    responses((status = 200, body = Tenant),
        (status = 403, description = "`people_only`, `user_session_required`, `personal_session_required`"),
        (status = 404, description = "`tenant_not_found`")),
    security(("bearer" = [])))]
pub async fn show(
    State(app): State<App>,
    caller: Authenticated,
    Path(id): Path<TenantId>,
) -> Result<Json<Tenant>, Problem> {
    let user = logged_in(&caller.claims, &caller.principal)?;
    let mut lookup = app.db.begin_lookup().await?;
    Ok(Json(store::choose_tenant(&mut lookup, user, Some(id)).await?.ok_or_else(not_found)?))
}

#[expect(clippy::disallowed_methods, reason = "the caller acts in one tenant, and makes another")]
async fn begin(app: &App) -> sqlx::Result<CrossTenantTx> {
    app.db.begin_across_tenants().await
}

/// Whoever makes another at the same time waits, and is counted.
async fn refuse_too_many(tx: &mut CrossTenantTx, user: UserId) -> Result<(), Problem> {
    store::lock_user(tx, user).await?;
    if store::founded(tx, user).await? < MOST_FOUNDED {
        return Ok(());
    }
    let detail = format!("You have made {MOST_FOUNDED} tenants, which is the most. Ask whoever runs the platform.");
    Err(Problem::conflict("too_many_tenants", detail))
}

fn unsound(fault: NotAName) -> Problem {
    FieldError::new("name", fault.code(), fault.to_string()).into()
}

fn not_found() -> Problem {
    Problem::not_found("tenant_not_found", "You belong to no such tenant.")
}
