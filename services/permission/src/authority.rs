//! Authority over others: whether somebody holds all that somebody else holds. The one rule against speaking for others
//! to get more than one has.
//!
//! Nobody makes a credential of somebody, changes or removes them, or hands anything on, who lacks some of what that
//! gives: now, by what is registered later, or for as long. Services ask it here; this service's own changes ask
//! [`Entitlements::lacks`] in their transaction. It is always read from the primary database, never from the cache.

use crate::{
    app::App,
    effective::{
        self,
        entitlements::Entitlements,
        model::{Effect, Grant, Held},
        store::held_by,
    },
    grants::grantee::Grantee,
    groups, roles,
};
use access::{Internal, callers};
use axum::extract::State;
use common::{
    db::TenantTx,
    http::Json,
    problem::{FieldError, Problem},
};
use contracts::http::authority::{AuthorityAnswer, AuthorityRequest, Subject};
use std::collections::BTreeSet;
use uuid::Uuid;

callers! { pub Auth = ["auth"] }

/// Roles, groups and permissions asked about at once.
const MOST_THINGS: usize = 100;
/// Of what is lacking; a person who reads it needs no more.
const MOST_NAMED: usize = 10;

#[utoipa::path(post, path = "/internal/authority", operation_id = "holdsAll", tag = "internal",
    request_body = AuthorityRequest,
    responses((status = 200, body = AuthorityAnswer)), security(("platform_client" = ["auth"])))]
pub async fn holds_all(
    State(app): State<App>,
    caller: Internal<Auth>,
    Json(request): Json<AuthorityRequest>,
) -> Result<Json<AuthorityAnswer>, Problem> {
    let AuthorityRequest { tenant_id: tenant, actor, scope, over } = request;
    let mut tx = caller.begin_snapshot_for(&app.db, tenant).await?;
    let own = effective::store::read(&mut tx, &actor).await?;
    let given = given(&mut tx, &over).await?;
    let lacking = own.lacks_of(&given, scope.as_ref(), app.ambient.now());
    Ok(Json(answer(&own, &lacking)))
}

fn answer(own: &Entitlements, lacking: &BTreeSet<String>) -> AuthorityAnswer {
    let listed = own.context.registry.iter().map(|entry| &entry.name).filter(|name| lacking.contains(*name));
    let mut named: Vec<String> = listed.cloned().collect();
    named.sort();
    named.truncate(MOST_NAMED);
    AuthorityAnswer { holds: lacking.is_empty(), lacking: named }
}

/// The grants that whoever is spoken for has, or whoever gets the things would have.
async fn given(tx: &mut TenantTx, subject: &Subject) -> Result<Vec<Grant>, Problem> {
    match subject {
        Subject::Principal { principal } => Ok(effective::store::read(tx, principal).await?.grants),
        Subject::Things { roles, groups, permissions } => {
            if roles.len() + groups.len() + permissions.len() > MOST_THINGS {
                return Err(
                    FieldError::new("over", "out_of_range", format!("must be at most {MOST_THINGS} things")).into()
                );
            }
            let mut given = of_groups(tx, groups).await?;
            given.extend(of_roles(tx, roles).await?.into_iter().map(for_good));
            given.push(for_good(held_by(&Vec::from_iter(permissions.iter().cloned()))));
            Ok(given)
        }
    }
}

fn for_good(held: Held) -> Grant {
    Grant { held, effect: Effect::Allow, expires_at: None, source: None }
}

async fn of_roles(tx: &mut TenantTx, names: &BTreeSet<String>) -> Result<Vec<Held>, Problem> {
    let kind = effective::store::kind(tx).await?;
    let ids = roles::store::ids(tx, kind, &Vec::from_iter(names.iter().cloned())).await?;
    refuse_unknown("roles", names.iter().filter(|name| !ids.contains_key(*name)))?;
    let ids: Vec<Uuid> = ids.into_values().collect();
    Ok(roles::store::reachable(tx, &ids)
        .await?
        .into_iter()
        .filter(|(id, _)| ids.contains(id))
        .map(|(_, held)| held)
        .collect())
}

/// What a group denies does not make less of what it gives: who joins may be taken out of another group that gives it
/// too.
async fn of_groups(tx: &mut TenantTx, ids: &BTreeSet<Uuid>) -> Result<Vec<Grant>, Problem> {
    let (mut given, mut unknown) = (Vec::new(), Vec::new());
    for id in ids {
        match groups::store::get(tx, *id).await? {
            Some(_) => given.extend(effective::store::direct(tx, &Grantee::Group(*id)).await?),
            None => unknown.push(id),
        }
    }
    refuse_unknown("groups", unknown.into_iter())?;
    given.retain(|grant| grant.effect == Effect::Allow);
    Ok(given)
}

fn refuse_unknown(field: &str, unknown: impl Iterator<Item = impl std::fmt::Display>) -> Result<(), Problem> {
    let faults: Vec<FieldError> =
        unknown.map(|name| FieldError::new(field, "unknown", format!("{name} is not known"))).collect();
    if faults.is_empty() { Ok(()) } else { Err(Problem::invalid(faults)) }
}
