//! HTTP of the registry: which permissions there are, and how a service registers its own.

use super::{registration, store};
use crate::{app::App, records::routes::Platform};
use access::{Authenticated, Internal};
use axum::{extract::State, http::StatusCode};
use common::{
    http::{Json, Path, Query},
    page::{Page, PageQuery},
    problem::{FieldError, Problem},
};
use contracts::manifest::{PermissionEntry, PermissionList, Scope};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// What an index of the database holds easily, in bytes.
const LONGEST_NAME: usize = 100;
/// Built-in roles that an entry may name; the others hold theirs by rule.
const NAMEABLE_ROLES: &[&str] = &["member"];

#[derive(Debug, Serialize, ToSchema)]
pub struct Permission {
    #[serde(skip)]
    id: Uuid,
    #[schema(example = "billing.readInvoices")]
    pub name: String,
    pub text: String,
    /// Not covered by wildcards.
    pub dangerous: bool,
    pub scope: Scope,
    /// Built-in roles that hold it besides `owner` and `operator`.
    pub roles: Vec<String>,
    /// On its way out.
    pub deprecated: bool,
}

impl From<(Uuid, PermissionEntry)> for Permission {
    fn from((id, entry): (Uuid, PermissionEntry)) -> Self {
        Self {
            id,
            name: entry.name,
            text: entry.text,
            dangerous: entry.dangerous,
            scope: entry.scope,
            roles: entry.roles,
            deprecated: entry.deprecated,
        }
    }
}

#[utoipa::path(get, path = "/v1/permissions", operation_id = "listPermissions", tag = "permissions", params(PageQuery),
    responses((status = 200, body = Page<Permission>)), security(("bearer" = [])))]
pub async fn list(
    State(app): State<App>,
    _: Authenticated,
    Query(page): Query<PageQuery>,
) -> Result<Page<Permission>, Problem> {
    let request = page.check()?;
    let rows = store::page(&mut *app.db.pool().acquire().await?, request).await?;
    Ok(Page::cut(rows.into_iter().map(Permission::from).collect(), request, |permission| permission.id))
}

#[utoipa::path(put, path = "/internal/manifests/{namespace}", operation_id = "registerPermissions", tag = "internal",
    params(("namespace" = String, Path, description = "The client's own name.")), request_body = PermissionList,
    responses((status = 204), (status = 409, description = "`namespace_taken`, or `permission_granted`: one that is granted would be \
        removed."),
        (status = 403, description = "`foreign_namespace`")),
    security(("platform_client" = ["*"])))]
pub async fn register(
    State(app): State<App>,
    caller: Internal<Platform>,
    Path(namespace): Path<String>,
    Json(list): Json<PermissionList>,
) -> Result<StatusCode, Problem> {
    if namespace != caller.client_id {
        let detail =
            format!("{} registers only the namespace of its own name, and {namespace} is another's.", caller.client_id);
        return Err(Problem::forbidden("foreign_namespace", detail));
    }
    let faults = faults(&namespace, &list);
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    registration::replace(&app, caller.begin_across_tenants(&app.db).await?, &list).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn faults(namespace: &str, list: &PermissionList) -> Vec<FieldError> {
    let mut faults: Vec<FieldError> =
        list.faults().into_iter().map(|fault| FieldError::new("permissions", "invalid", fault)).collect();
    if list.namespace != namespace {
        faults.push(FieldError::new("namespace", "mismatch", "must be the namespace of the address"));
    }
    for (index, entry) in list.permissions.iter().enumerate() {
        if entry.name.len() > LONGEST_NAME {
            faults.push(FieldError::new(
                format!("permissions[{index}].name"),
                "too_long",
                format!("must be at most {LONGEST_NAME} bytes"),
            ));
        }
        if entry.roles.iter().any(|role| !NAMEABLE_ROLES.contains(&role.as_str())) {
            faults.push(FieldError::new(format!("permissions[{index}].roles"), "unknown", "may only name member"));
        }
    }
    faults
}
