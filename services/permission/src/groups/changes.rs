//! Changes of groups: making, filling, emptying, deleting.

use super::store::{self, Group, NewMember};
use crate::{
    change::Change,
    grants::{
        self,
        changes::{MustStay, join, lift},
        grantee::Grantee,
        model::{LONGEST_PRINCIPAL, too_long_principal},
    },
    roles::model::{is_name, malformed_name},
};
use common::problem::{Problem, constraint};
use contracts::id::Principal;
use serde_json::json;
use uuid::Uuid;

const MOST_GROUPS: i64 = 1_000;
/// Groups of one principal: the grants of all of them are read with every record that is made of them.
const MOST_MEMBERSHIPS: i64 = 100;

pub async fn create(change: &mut Change, name: &str) -> Result<Group, Problem> {
    if !is_name(name) {
        return Err(malformed_name().into());
    }
    let (id, now) = (change.new_id(), change.now());
    if store::count(change.tx()).await? >= MOST_GROUPS {
        return Err(Problem::conflict("too_many_groups", format!("A tenant has at most {MOST_GROUPS} groups.")));
    }
    store::insert(change.tx(), id, name, now).await.map_err(not_stored)?;
    let group = find(change, id).await?;
    change.record("group.created", &format!("group:{id}"), None, Some(json!(group))).await?;
    Ok(group)
}

/// Its members lose what it gave, and get back what it denied. One that is deleted already is made invalid again: this
/// may be the repetition of a call that was answered 503.
pub async fn delete(change: &mut Change, id: Uuid) -> Result<(), Problem> {
    let (actor, now) = (change.actor.clone(), change.now());
    if store::is_deleted(change.tx(), id).await? {
        return Ok(change.invalidate_all().await?);
    }
    let group = find(change, id).await?;
    lift(change, &Grantee::Group(id), None).await?;
    store::delete(change.tx(), id, &actor, now).await?;
    grants::store::revoke_all(change.tx(), &Grantee::Group(id), &actor, now).await?;
    change.record("group.deleted", &format!("group:{id}"), Some(json!(group)), None).await?;
    Ok(change.invalidate_all().await?)
}

/// One who is a member already stays one.
pub async fn add(change: &mut Change, id: Uuid, principal: &Principal) -> Result<(), Problem> {
    if principal.to_string().len() > LONGEST_PRINCIPAL {
        return Err(too_long_principal().into());
    }
    find(change, id).await?;
    change.refuse_unknown(principal).await?;
    join(change, &Grantee::Group(id)).await?;
    let (actor, now, must_stay) = (change.actor.clone(), change.now(), MustStay::before(change).await?);
    let member = NewMember { id: change.new_id(), principal, by: &actor, now };
    if store::add(change.tx(), id, &member).await? {
        if store::memberships(change.tx(), principal).await? > MOST_MEMBERSHIPS {
            return Err(Problem::conflict(
                "too_many_groups",
                format!("{principal} is in {MOST_MEMBERSHIPS} groups, which is the most."),
            ));
        }
        change.record("group.joined", &format!("group:{id}"), None, Some(json!({"principal": principal}))).await?;
        must_stay.check(change).await?;
    }
    Ok(change.invalidate(&Grantee::Principal(principal.clone())).await?)
}

/// One who is no member is made invalid again: this may be the repetition of a call that was answered 503.
pub async fn remove(change: &mut Change, id: Uuid, principal: &Principal) -> Result<(), Problem> {
    find(change, id).await?;
    lift(change, &Grantee::Group(id), None).await?;
    let (actor, now) = (change.actor.clone(), change.now());
    if !store::remove(change.tx(), Some(id), principal, &actor, now).await?.is_empty() {
        change.record("group.left", &format!("group:{id}"), Some(json!({"principal": principal})), None).await?;
    }
    Ok(change.invalidate(&Grantee::Principal(principal.clone())).await?)
}

async fn find(change: &mut Change, id: Uuid) -> Result<Group, Problem> {
    store::get(change.tx(), id).await?.ok_or_else(no_such_group)
}

pub fn no_such_group() -> Problem {
    Problem::not_found("group_not_found", "The tenant has no group with this id.")
}

fn not_stored(error: sqlx::Error) -> Problem {
    match constraint(&error) {
        Some("groups_name") => Problem::conflict("group_exists", "The tenant has a group of this name."),
        _ => error.into(),
    }
}
