//! HTTP of checks: what the caller may do, and what somebody else may. Answered from the database, not from the cache.

use super::{entitlements::TenantContext, store};
use crate::{app::App, grants::ReadGrants};
use access::{Allowed, Authenticated, Permission};
use axum::extract::State;
use common::{
    http::{Json, Path, Query},
    page::{Page, PageQuery},
    problem::{FieldError, Problem},
};
use contracts::id::Principal;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

pub const MOST_CHECKS: usize = 200;

#[derive(Debug, Serialize, ToSchema)]
pub struct MyPermissions {
    /// Names of every permission, sorted.
    #[schema(example = json!(["billing.readInvoices"]))]
    pub permissions: BTreeSet<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
pub struct CheckRequest {
    #[serde(flatten)]
    pub check: Check,
    /// The `version` that a write answered with: the check must have seen that write.
    pub at_least_version: Option<i64>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Check {
    #[schema(example = "billing.readInvoices")]
    pub permission: String,
    /// Somebody else, which needs `permission.readGrants`; absent means the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<Principal>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct CheckAnswer {
    pub allowed: bool,
    /// The version of the tenant's permissions that was asked, or a later one.
    pub version: i64,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct BatchRequest {
    /// 1 to 200.
    #[schema(min_items = 1, max_items = 200)]
    pub checks: Vec<Check>,
    /// The `version` that a write answered with: the checks must have seen that write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least_version: Option<i64>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct BatchAnswer {
    /// In the order of the checks.
    pub results: Vec<BatchResult>,
    pub version: i64,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct BatchResult {
    pub principal: Principal,
    pub permission: String,
    pub allowed: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct HeldPermission {
    #[schema(example = "billing.readInvoices")]
    pub name: String,
}

#[utoipa::path(get, path = "/v1/me/permissions", operation_id = "listMyPermissions", tag = "me",
    responses((status = 200, body = MyPermissions)), security(("bearer" = [])))]
pub async fn mine(State(app): State<App>, caller: Authenticated) -> Result<Json<MyPermissions>, Problem> {
    let entitlements = store::read(&mut caller.begin(&app.db).await?, &caller.principal).await?;
    let mut permissions = entitlements.at(app.ambient.now()).permissions;
    permissions.retain(|name| caller.claims.covers(name));
    Ok(Json(MyPermissions { permissions }))
}

#[utoipa::path(post, path = "/v1/check", operation_id = "checkPermission", tag = "checks", request_body = CheckRequest,
    responses((status = 200, body = CheckAnswer), (status = 403, description = "`permission_missing`: asking about \
        somebody else needs `permission.readGrants`."),
        (status = 409, description = "`version_not_reached`")),
    security(("bearer" = [])))]
pub async fn check(
    State(app): State<App>,
    caller: Authenticated,
    Json(request): Json<CheckRequest>,
) -> Result<Json<CheckAnswer>, Problem> {
    let (results, version) =
        answer(&app, &caller, std::slice::from_ref(&request.check), request.at_least_version, |_| "permission".into())
            .await?;
    Ok(Json(CheckAnswer { allowed: results.iter().all(|result| result.allowed), version }))
}

#[utoipa::path(post, path = "/v1/check:batch", operation_id = "checkPermissions", tag = "checks",
    request_body = BatchRequest,
    responses((status = 200, body = BatchAnswer), (status = 403, description = "`permission_missing`: asking about \
        somebody else needs `permission.readGrants`."),
        (status = 409, description = "`version_not_reached`")),
    security(("bearer" = [])))]
pub async fn check_batch(
    State(app): State<App>,
    caller: Authenticated,
    Json(request): Json<BatchRequest>,
) -> Result<Json<BatchAnswer>, Problem> {
    if request.checks.is_empty() || request.checks.len() > MOST_CHECKS {
        return Err(FieldError::new("checks", "out_of_range", format!("must be 1 to {MOST_CHECKS} checks")).into());
    }
    let field = |index| format!("checks[{index}].permission");
    let (results, version) = answer(&app, &caller, &request.checks, request.at_least_version, field).await?;
    Ok(Json(BatchAnswer { results, version }))
}

#[utoipa::path(get, path = "/v1/principals/{principal}/permissions", operation_id = "listPrincipalPermissions",
    tag = "checks",
    params(("principal" = String, Path, description = "`user:<uuid>` or `client:<id>`"), PageQuery),
    responses((status = 200, body = Page<HeldPermission>)), security(("bearer" = ["permission.readGrants"])))]
pub async fn of_principal(
    State(app): State<App>,
    caller: Allowed<ReadGrants>,
    Path(principal): Path<Principal>,
    Query(page): Query<PageQuery>,
) -> Result<Page<HeldPermission>, Problem> {
    let request = page.check::<String>()?;
    let entitlements = store::read(&mut caller.begin(&app.db).await?, &principal).await?;
    let names = entitlements.at(app.ambient.now()).permissions;
    let items = names.into_iter().filter(|name| *name > request.after).map(|name| HeldPermission { name }).collect();
    Ok(Page::cut(items, request, |held| held.name.clone()))
}

/// All checks are answered from one reading of the tenant.
async fn answer(
    app: &App,
    caller: &Authenticated,
    checks: &[Check],
    at_least: Option<i64>,
    field: impl Fn(usize) -> String,
) -> Result<(Vec<BatchResult>, i64), Problem> {
    let subject = |check: &Check| check.principal.clone().unwrap_or_else(|| caller.principal.clone());
    if checks.iter().any(|check| subject(check) != caller.principal) {
        app.access.admit(&caller.claims, Some(ReadGrants::NAME)).await?;
    }
    let mut tx = caller.begin(&app.db).await?;
    let context = store::context(&mut tx).await?;
    refuse_unanswerable(&context, checks, at_least, field)?;
    let names: BTreeSet<String> = checks.iter().map(|check| subject(check).to_string()).collect();
    let grants = store::grants(&mut tx, &Vec::from_iter(names)).await?;
    let now = app.ambient.now();
    let held: BTreeMap<_, _> =
        grants.into_iter().map(|(name, grants)| (name, context.entitlements(grants).at(now).permissions)).collect();
    // Whoever asks about themself means themself with the token they show.
    let covered = |check: &Check| subject(check) != caller.principal || caller.claims.covers(&check.permission);
    let allowed = |check: &Check| {
        covered(check) && held.get(&subject(check).to_string()).is_some_and(|held| held.contains(&check.permission))
    };
    let results = checks.iter().map(|check| BatchResult {
        principal: subject(check),
        permission: check.permission.clone(),
        allowed: allowed(check),
    });
    Ok((results.collect(), context.version))
}

fn refuse_unanswerable(
    context: &TenantContext,
    checks: &[Check],
    at_least: Option<i64>,
    field: impl Fn(usize) -> String,
) -> Result<(), Problem> {
    if at_least.is_some_and(|version| version > context.version) {
        let detail = format!(
            "The tenant's permissions are at version {}; no write has been answered with a later one.",
            context.version
        );
        return Err(Problem::conflict("version_not_reached", detail));
    }
    let unknown = checks.iter().enumerate().filter(|(_, check)| context.find(&check.permission).is_none());
    let faults: Vec<FieldError> = unknown
        .map(|(index, check)| {
            FieldError::new(field(index), "unknown", format!("{} is not a registered permission", check.permission))
        })
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(Problem::invalid(faults)) }
}
