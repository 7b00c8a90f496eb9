//! Changes of a tenant's own roles.

use super::{
    graph::{DEEPEST, Fault},
    model::{MOST_ROLES, RoleBody, ValidRole},
    store::{self, Role},
};
use crate::{
    change::Change,
    effective::{
        entitlements::Entitlements,
        model::{Effect, Grant, Held},
        pattern::Pattern,
    },
    grants::{self, changes::refuse_gain},
    registry,
};
use common::{
    http::IfMatch,
    problem::{FieldError, Problem, constraint},
};
use serde_json::json;
use std::collections::BTreeMap;
use uuid::Uuid;

pub async fn create(change: &mut Change, body: &RoleBody) -> Result<Role, Problem> {
    let valid = ValidRole::parse(body).map_err(Problem::invalid)?;
    let (id, now) = (change.new_id(), change.now());
    if store::count(change.tx()).await? >= MOST_ROLES {
        return Err(Problem::conflict(
            "too_many_roles",
            format!("A tenant has at most {MOST_ROLES} roles of its own."),
        ));
    }
    let includes = known(change, body, &valid).await?;
    store::insert(change.tx(), id, &valid.name, now).await.map_err(not_stored)?;
    store::set_content(change.tx(), id, &valid, &includes, now).await?;
    refuse_unsound(change, id).await?;
    let role = get(change, id).await?;
    change.record("role.created", &format!("role:{id}"), None, Some(json!(role))).await?;
    Ok(role)
}

/// Replaces what the role is; whoever has it has the new one when this is answered.
pub async fn edit(change: &mut Change, id: Uuid, body: &RoleBody, read: &IfMatch) -> Result<Role, Problem> {
    let valid = ValidRole::parse(body).map_err(Problem::invalid)?;
    let before = own(change, id).await?;
    read.check(before.revision, "role_edited")?;
    let includes = known(change, body, &valid).await?;
    let (own, held) = (grants::changes::own(change).await?, held(change, id).await?);
    let now = change.now();
    store::rename(change.tx(), id, &valid.name).await.map_err(not_stored)?;
    store::set_content(change.tx(), id, &valid, &includes, now).await?;
    refuse_unsound(change, id).await?;
    refuse_escalation(change, &own, id, held).await?;
    let role = get(change, id).await?;
    change.record("role.edited", &format!("role:{id}"), Some(json!(before)), Some(json!(role))).await?;
    change.invalidate_all().await?;
    Ok(role)
}

pub async fn delete(change: &mut Change, id: Uuid) -> Result<(), Problem> {
    let role = own(change, id).await?;
    let now = change.now();
    let grants = store::grants(change.tx(), id, now).await?;
    if grants > 0 {
        return Err(Problem::conflict(
            "role_granted",
            format!("{grants} grants give or deny this role. Revoke them first."),
        ));
    }
    let including = store::including(change.tx(), id).await?;
    if !including.is_empty() {
        return Err(Problem::conflict(
            "role_included",
            format!("Other roles include this one: {}.", including.join(", ")),
        ));
    }
    store::delete(change.tx(), id, now).await?;
    change.record("role.deleted", &format!("role:{id}"), Some(json!(role)), None).await?;
    Ok(())
}

/// The ids of the roles to be included; a fault for each name that is not known.
async fn known(change: &mut Change, body: &RoleBody, valid: &ValidRole) -> Result<Vec<Uuid>, Problem> {
    let (mut names, mut namespaces) = (Vec::new(), Vec::new());
    for pattern in &valid.patterns {
        match pattern {
            Pattern::Name(name) => names.push(name.clone()),
            Pattern::Namespace(namespace) => namespaces.push(namespace.clone()),
        }
    }
    let mut unknown = registry::store::unknown(change.tx(), &names).await?;
    let foreign = registry::store::unknown_namespaces(change.tx(), &namespaces).await?;
    unknown.extend(foreign.into_iter().map(|namespace| Pattern::Namespace(namespace).to_string()));
    let kind = change.kind;
    let roles: BTreeMap<String, Uuid> = store::ids(change.tx(), kind, &body.includes).await?;
    let faults = faults("permissions", &body.permissions, "must be registered", |name| unknown.contains(name))
        .chain(faults("includes", &body.includes, "must be a role of the tenant", |name| !roles.contains_key(name)));
    let faults: Vec<FieldError> = faults.collect();
    if faults.is_empty() { Ok(roles.into_values().collect()) } else { Err(Problem::invalid(faults)) }
}

fn faults<'a>(
    field: &'a str,
    names: &'a [String],
    text: &'a str,
    wrong: impl Fn(&String) -> bool + 'a,
) -> impl Iterator<Item = FieldError> + 'a {
    let wrong = names.iter().enumerate().filter(move |(_, name)| wrong(name));
    wrong.map(move |(index, name)| {
        FieldError::new(format!("{field}[{index}]"), "unknown", format!("{text}, and {name} is not"))
    })
}

async fn refuse_unsound(change: &mut Change, id: Uuid) -> Result<(), Problem> {
    let fault = match store::graph(change.tx()).await?.fault(id) {
        None => return Ok(()),
        Some(Fault::Cycle(names)) => {
            FieldError::new("includes", "cycle", format!("the role would include itself: {}", names.join(" → ")))
        }
        Some(Fault::TooDeep(names)) => FieldError::new(
            "includes",
            "too_deep",
            format!("roles may be {DEEPEST} deep, and this makes {}: {}", names.len(), names.join(" → ")),
        ),
    };
    Err(fault.into())
}

/// An edit gives to all who have the role, maybe to its editor: what it adds, the editor must hold. Where the role is
/// denied to somebody, what it drops is given too.
async fn refuse_escalation(change: &mut Change, own: &Entitlements, id: Uuid, before: Held) -> Result<(), Problem> {
    let after = held(change, id).await?;
    let gain = |held: &Held, effect| Grant { held: held.clone(), effect, expires_at: None, source: None };
    let now = change.now();
    refuse_gain(own, &[gain(&after, Effect::Allow)], Some(&before), now)?;
    let above: Vec<Uuid> = store::graph(change.tx()).await?.above(id).into_iter().collect();
    if store::is_denied(change.tx(), &above, now).await? {
        refuse_gain(own, &[gain(&before, Effect::Deny)], Some(&after), now)?;
    }
    Ok(())
}

async fn held(change: &mut Change, id: Uuid) -> sqlx::Result<Held> {
    let mut roles = store::reachable(change.tx(), &[id]).await?;
    Ok(roles.remove(&id).unwrap_or(Held::Patterns(Vec::new())))
}

async fn get(change: &mut Change, id: Uuid) -> Result<Role, Problem> {
    store::get(change.tx(), id).await?.ok_or_else(no_such_role)
}

/// A role that the tenant may change.
async fn own(change: &mut Change, id: Uuid) -> Result<Role, Problem> {
    match get(change, id).await? {
        role if role.built_in => Err(Problem::conflict(
            "role_built_in",
            format!("{} is the same for every tenant, and nobody changes it.", role.name),
        )),
        role => Ok(role),
    }
}

pub fn no_such_role() -> Problem {
    Problem::not_found("role_not_found", "The tenant has no role with this id.")
}

fn not_stored(error: sqlx::Error) -> Problem {
    match constraint(&error) {
        Some("roles_name") => Problem::conflict("role_exists", "The tenant has a role of this name."),
        _ => error.into(),
    }
}
