//! Which roles has the tenant, and how does it make and delete its own?

use super::{
    model::NewRole,
    store::{self, Role},
};
use crate::{
    app::App,
    catalog,
    effective::{model::Pattern, store::lock_tenant},
    grants::routes::tenant_not_known,
};
use axum::{extract::State, http::StatusCode};
use common::{
    access::Allowed,
    http::{Json, Path, Query},
    page::{Page, PageQuery},
    permissions,
    problem::{FieldError, Problem, constraint},
};
use serde::Deserialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

permissions! { pub ReadRoles = "permission.readRoles", pub WriteRoles = "permission.writeRoles" }

#[derive(Debug, Deserialize, ToSchema)]
pub struct CreateRole {
    /// Lower-case letters, digits and `-`.
    #[schema(example = "accountant")]
    pub name: String,
    /// Names, or `forum.*` for all of a namespace except what is dangerous, also what is added later.
    #[schema(example = json!(["billing.*"]))]
    pub permissions: Vec<String>,
}

#[utoipa::path(get, path = "/v1/roles", operation_id = "listRoles", tag = "roles", params(PageQuery),
    responses((status = 200, body = Page<Role>)), security(("bearer" = ["permission.readRoles"])))]
pub async fn list(State(app): State<App>, caller: Allowed<ReadRoles>, Query(page): Query<PageQuery>) -> Result<Json<Page<Role>>, Problem> {
    let request = page.check()?;
    let rows = store::page(&mut *app.pool.acquire().await?, caller.tenant, request).await?;
    Ok(Json(Page::cut(rows, request, |role| role.id)))
}

#[utoipa::path(post, path = "/v1/roles", operation_id = "createRole", tag = "roles", request_body = CreateRole,
    responses((status = 201, body = Role), (status = 409, description = "`role_exists`: the tenant has a role of this name.")),
    security(("bearer" = ["permission.writeRoles"])))]
pub async fn create(State(app): State<App>, caller: Allowed<WriteRoles>, Json(request): Json<CreateRole>) -> Result<(StatusCode, Json<Role>), Problem> {
    let role = NewRole::parse(request.name, &request.permissions).map_err(Problem::invalid)?;
    let mut tx = app.pool.begin().await?;
    lock_tenant(&mut tx, caller.tenant).await?.ok_or_else(tenant_not_known)?;
    let unknown = unknown(&mut tx, &request.permissions, &role).await?;
    if !unknown.is_empty() {
        return Err(Problem::invalid(unknown));
    }
    let stored = store::insert(&mut tx, caller.tenant, app.ambient.uuid(), &role, app.ambient.now()).await.map_err(not_stored)?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(stored)))
}

#[utoipa::path(delete, path = "/v1/roles/{id}", operation_id = "deleteRole", tag = "roles", params(("id" = Uuid, Path)),
    responses((status = 204), (status = 409, description = "`role_granted`: somebody still has it.")),
    security(("bearer" = ["permission.writeRoles"])))]
pub async fn delete(State(app): State<App>, caller: Allowed<WriteRoles>, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    let mut tx = app.pool.begin().await?;
    lock_tenant(&mut tx, caller.tenant).await?.ok_or_else(no_such_role)?;
    let now = app.ambient.now();
    if !store::delete(&mut tx, caller.tenant, id, now).await? {
        return Err(no_such_role());
    }
    let grants = store::grants(&mut tx, caller.tenant, id, now).await?;
    if grants > 0 {
        return Err(Problem::conflict("role_granted", format!("{grants} grants give this role. Revoke them first.")));
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A fault for each pattern that names nothing of the catalog.
async fn unknown(conn: &mut PgConnection, permissions: &[String], role: &NewRole) -> sqlx::Result<Vec<FieldError>> {
    let (mut names, mut namespaces) = (Vec::new(), Vec::new());
    for pattern in &role.patterns {
        match pattern {
            Pattern::Name(name) => names.push(name.clone()),
            Pattern::Namespace(namespace) => namespaces.push(namespace.clone()),
        }
    }
    let mut unknown = catalog::store::unknown(&mut *conn, &names).await?;
    unknown.extend(catalog::store::unknown_namespaces(conn, &namespaces).await?.into_iter().map(|namespace| Pattern::Namespace(namespace).to_string()));
    let wrong = permissions.iter().enumerate().filter(|(_, permission)| unknown.contains(permission));
    Ok(wrong.map(|(index, _)| FieldError::new(format!("permissions[{index}]"), "unknown", "must be of the catalog")).collect())
}

fn no_such_role() -> Problem {
    Problem::not_found("role_not_found", "The tenant has no role of its own with this id.")
}

fn not_stored(error: sqlx::Error) -> Problem {
    match constraint(&error) {
        Some("roles_name") => Problem::conflict("role_exists", "The tenant has a role of this name."),
        _ => error.into(),
    }
}
