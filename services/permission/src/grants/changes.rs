//! Changes of grants: granting, denying, revoking.

use super::{
    grantee::Grantee,
    model::{CreateGrant, MOST_GRANTS, Wanted},
    store::{self, Grant, NewGrant},
};
use crate::{
    change::Change,
    effective::{
        self,
        entitlements::Entitlements,
        model::{Effect, Held},
        store::held_by,
    },
    groups, registry, roles,
};
use chrono::{DateTime, Utc};
use common::problem::{FieldError, Problem, constraint};
use serde_json::json;
use uuid::Uuid;

/// What a wanted name stands for in the tenant.
struct Found {
    role_id: Option<Uuid>,
    held: Held,
}

pub async fn create(change: &mut Change, request: &CreateGrant) -> Result<Grant, Problem> {
    let (now, CreateGrant { principal, effect, expires_at, .. }) = (change.now(), request);
    let Found { role_id, held } = find(change, &request.check(now).map_err(Problem::invalid)?).await?;
    match principal {
        Grantee::Principal(principal) => change.refuse_unknown(principal).await?,
        Grantee::Group(id) => {
            let unknown = || FieldError::new("principal", "unknown", "must be a group of the tenant");
            groups::store::get(change.tx(), *id).await?.ok_or_else(unknown)?;
        }
    }
    // Whoever may grant may also take, so a denial needs no more.
    if *effect == Effect::Allow {
        let gain = effective::model::Grant { held, effect: *effect, expires_at: *expires_at, source: None };
        refuse_gain(&own(change).await?, &[gain], None, now)?;
    }
    if store::count(change.tx(), principal).await? >= MOST_GRANTS {
        let detail = format!(
            "{principal} has {MOST_GRANTS} grants, which is the most. Put permissions into a role and grant that."
        );
        return Err(Problem::conflict("too_many_grants", detail));
    }
    let (id, granted_by, must_stay) = (change.new_id(), change.actor.clone(), MustStay::before(change).await?);
    let grant = NewGrant { id, request, role_id, granted_by: &granted_by, now };
    let grant = store::insert(change.tx(), &grant).await.map_err(not_stored)?;
    let action = if *effect == Effect::Deny { "grant.denied" } else { "grant.created" };
    change.record(action, &format!("grant:{id}"), None, Some(json!(grant))).await?;
    change.invalidate(principal).await?;
    must_stay.check(change).await?;
    Ok(grant)
}

/// A grant that is revoked already is made invalid again: this may be the repetition of a call that was answered 503.
pub async fn revoke(change: &mut Change, id: Uuid) -> Result<(), Problem> {
    let grant = store::find(change.tx(), id)
        .await?
        .ok_or_else(|| Problem::not_found("grant_not_found", "The tenant has no grant with this id."))?;
    let grantee: Grantee = grant.principal.parse().map_err(|fault| Problem::internal(&fault))?;
    if !grant.revoked {
        if grant.effect == Effect::Deny {
            lift(change, &grantee, Some(id)).await?;
        }
        let (actor, now, must_stay) = (change.actor.clone(), change.now(), MustStay::before(change).await?);
        store::revoke(change.tx(), id, &actor, now).await?;
        change.record("grant.revoked", &format!("grant:{id}"), Some(json!(grant)), None).await?;
        must_stay.check(change).await?;
    }
    Ok(change.invalidate(&grantee).await?)
}

/// To be called before it: lifting a denial gives what it covers, and nobody lifts one, or all of a grantee, who does
/// not hold that.
pub async fn lift(change: &mut Change, grantee: &Grantee, only: Option<Uuid>) -> Result<(), Problem> {
    gains_of(change, grantee, Effect::Deny, only).await
}

/// To be called before it: joining a group gives what the group has, and nobody gives it who does not hold it.
pub async fn join(change: &mut Change, grantee: &Grantee) -> Result<(), Problem> {
    gains_of(change, grantee, Effect::Allow, None).await
}

async fn gains_of(change: &mut Change, grantee: &Grantee, effect: Effect, only: Option<Uuid>) -> Result<(), Problem> {
    let now = change.now();
    let mut grants = effective::store::direct(change.tx(), grantee).await?;
    let meant = |id: Uuid| only.is_none_or(|only| only == id);
    grants.retain(|grant| {
        grant.effect == effect && grant.live(now) && grant.source.as_ref().is_some_and(|source| meant(source.grant))
    });
    if grants.is_empty() {
        return Ok(());
    }
    refuse_gain(&own(change).await?, &grants, None, now)
}

/// What the actor may do. Read it before the change, which might give to the actor too.
pub async fn own(change: &mut Change) -> sqlx::Result<Entitlements> {
    let actor = change.actor.clone();
    effective::store::read(change.tx(), &actor).await
}

/// Nobody gives what they lack, nor for longer than they have it.
pub fn refuse_gain(
    own: &Entitlements,
    gains: &[effective::model::Grant],
    already: Option<&Held>,
    now: DateTime<Utc>,
) -> Result<(), Problem> {
    let lacking: Vec<String> = gains.iter().flat_map(|gain| own.lacks(gain, already, now)).collect();
    if lacking.is_empty() {
        return Ok(());
    }
    let what = match lacking.iter().find(|name| own.context.find(name).is_some()) {
        Some(named) => format!("You lack {named}, or do not have it for as long."),
        None => "It would also give what is registered later, which you do not have.".to_owned(),
    };
    Err(Problem::forbidden("escalation", format!("Nobody gives what they do not have themselves. {what}")))
}

/// Somebody who exists and holds the tenant, and the platform, stays: without an end, by a grant of their own, and
/// under no denial. Two who revoke each other's ownership at once are put in order by the tenant's lock, so the second
/// finds nobody left.
pub struct MustStay(Vec<String>);

impl MustStay {
    /// Before a change that takes away.
    pub async fn before(change: &mut Change) -> sqlx::Result<Self> {
        let now = change.now();
        Ok(Self(store::held_for_good(change.tx(), now).await?))
    }

    /// After it.
    pub async fn check(self, change: &mut Change) -> Result<(), Problem> {
        let left = Self::before(change).await?.0;
        if left.is_empty() {
            change.refuse_unasked()?;
        }
        match self.0.into_iter().find(|role| !left.contains(role)) {
            None => Ok(()),
            Some(role) => Err(Problem::conflict(
                &format!("last_{role}"),
                format!(
                    "This would leave the tenant without an {role}. At least one person must have the role by a grant \
                     of their own that \
                     never expires, and must not be denied anything."
                ),
            )),
        }
    }
}

async fn find(change: &mut Change, wanted: &Wanted) -> Result<Found, Problem> {
    let kind = change.kind;
    match wanted {
        Wanted::Role(name) => {
            let ids = roles::store::ids(change.tx(), kind, std::slice::from_ref(name)).await?;
            let id = *ids.get(name).ok_or_else(|| unknown("role", name))?;
            let mut roles = roles::store::reachable(change.tx(), &[id]).await?;
            Ok(Found { role_id: Some(id), held: roles.remove(&id).ok_or_else(|| unknown("role", name))? })
        }
        Wanted::Permission(name) => {
            let names = [name.clone()];
            let known = registry::store::unknown(change.tx(), &names).await?.is_empty();
            known.then(|| Found { role_id: None, held: held_by(&names) }).ok_or_else(|| unknown("permission", name))
        }
    }
}

fn unknown(field: &str, name: &str) -> Problem {
    FieldError::new(field, "unknown", format!("{name} is not known")).into()
}

fn not_stored(error: sqlx::Error) -> Problem {
    match constraint(&error) {
        Some("grants_once") => Problem::conflict("already_granted", "The principal has it already."),
        _ => error.into(),
    }
}
