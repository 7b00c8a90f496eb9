//! HTTP of explanations: why somebody may do something, or why not. Read from the primary at one instant, never from a
//! cache.

use super::{
    model::{Missing, MissingKind, Way, holds, way, way_but_for_danger, ways},
    store,
};
use crate::{
    app::App,
    effective::{self, entitlements::Entitlements, model::Effect},
    grants::ReadGrants,
};
use access::Allowed;
use axum::extract::State;
use chrono::{DateTime, Utc};
use common::{
    db::TenantTx,
    http::Json,
    instant,
    problem::{FieldError, Problem},
};
use contracts::{id::Principal, manifest::PermissionEntry};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Groups and roles named as missing: the nearest few, for people to choose from.
const MOST_NAMED: usize = 5;

#[derive(Debug, Deserialize, ToSchema)]
pub struct ExplainRequest {
    #[schema(example = "user:01890a5d-ac96-774b-bcce-b302099a8057")]
    pub principal: Principal,
    #[schema(example = "forum.addPost")]
    pub permission: String,
    /// An instant of the past; absent means now.
    #[serde(default, deserialize_with = "instant::optional")]
    pub at: Option<DateTime<Utc>>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Explanation {
    pub principal: Principal,
    pub permission: String,
    pub allowed: bool,
    pub at: DateTime<Utc>,
    /// The version that the tenant's permissions had.
    pub version: i64,
    /// Every grant that gives it, with the way from the grant to the permission.
    pub allowed_by: Vec<Way>,
    /// Every grant that denies it; one is enough.
    pub denied_by: Vec<Way>,
    /// If nothing gives it: what would, nearest first.
    pub missing: Vec<Missing>,
}

#[utoipa::path(post, path = "/v1/explain", operation_id = "explainPermission", tag = "checks",
    request_body = ExplainRequest,
    responses((status = 200, body = Explanation)), security(("bearer" = ["permission.readGrants"])))]
pub async fn explain(
    State(app): State<App>,
    caller: Allowed<ReadGrants>,
    Json(request): Json<ExplainRequest>,
) -> Result<Json<Explanation>, Problem> {
    let ExplainRequest { principal, permission, at } = request;
    let now = app.ambient.now();
    if at.is_some_and(|at| at > now) {
        return Err(FieldError::new("at", "future", "must be in the past").into());
    }
    let mut tx = caller.begin_snapshot(&app.db).await?;
    let entitlements = match at {
        Some(at) => store::entitlements(&mut tx, &principal, at).await?,
        None => effective::store::read(&mut tx, &principal).await?,
    };
    let at = at.unwrap_or(now);
    let unknown = || FieldError::new("permission", "unknown", format!("{permission} was not a registered permission"));
    let entry = entitlements.context.find(&permission).cloned().ok_or_else(unknown)?;
    let version = entitlements.context.version;
    let [mut allowed_by, denied_by] =
        [Effect::Allow, Effect::Deny].map(|effect| ways(&entitlements, &entry, effect, at));
    if !entitlements.context.means_something(&entry) {
        allowed_by.clear();
    }
    let missing =
        if allowed_by.is_empty() { missing(&mut tx, &principal, &entitlements, &entry, at).await? } else { Vec::new() };
    let allowed = denied_by.is_empty() && !allowed_by.is_empty();
    Ok(Json(Explanation { principal, permission, allowed, at, version, allowed_by, denied_by, missing }))
}

async fn missing(
    tx: &mut TenantTx,
    principal: &Principal,
    entitlements: &Entitlements,
    entry: &PermissionEntry,
    at: DateTime<Utc>,
) -> sqlx::Result<Vec<Missing>> {
    let name = &entry.name;
    if !entitlements.context.means_something(entry) {
        let text = format!("{name} is of scope platform, which means nothing in a customer's tenant");
        return Ok(vec![Missing { kind: MissingKind::Scope, text, grant: None }]);
    }
    let (mut missing, roles) = (Vec::new(), store::roles(tx, at).await?);
    for near in
        entitlements.grants.iter().filter(|grant| grant.live(at)).filter_map(|grant| way_but_for_danger(grant, entry))
    {
        let text = format!("{} leaves out {name}, which is dangerous: it must be granted by name", near.by);
        missing.push(Missing { kind: MissingKind::Dangerous, text, grant: Some(near.grant) });
    }
    for near in
        store::ended(tx, principal, at, &roles).await?.iter().filter_map(|grant| way(grant, entry)).take(MOST_NAMED)
    {
        let text = format!(
            "a grant that gave {name} ended at {}",
            near.expires_at.map(|end| end.to_rfc3339()).unwrap_or_default()
        );
        missing.push(Missing { kind: MissingKind::Ended, text, grant: Some(near.grant) });
    }
    let groups = store::of_groups(tx, at, &roles).await?;
    for near in groups.iter().filter_map(|grant| way(grant, entry)).take(MOST_NAMED) {
        let text = format!("the group {} has {name}", near.group.map(|group| group.name).unwrap_or_default());
        missing.push(Missing { kind: MissingKind::Group, text, grant: Some(near.grant) });
    }
    let mut roles: Vec<&str> = roles
        .values()
        .filter(|held| holds(held, entry))
        .filter_map(|held| held.role_name())
        .filter(|role| *role != "operator")
        .collect();
    // A tenant's own role gives less than owner does.
    roles.sort_unstable_by_key(|role| (*role == "owner", *role));
    missing.extend(roles.iter().take(MOST_NAMED).map(|role| Missing {
        kind: MissingKind::Role,
        text: format!("the role {role} holds {name}"),
        grant: None,
    }));
    missing.push(Missing {
        kind: MissingKind::Permission,
        text: format!("{name} is not granted by name"),
        grant: None,
    });
    Ok(missing)
}
