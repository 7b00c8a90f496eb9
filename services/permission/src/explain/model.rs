//! Ways that lead from a grant to a permission, and what is nearest if none does.

use crate::effective::{
    entitlements::Entitlements,
    model::{Effect, Grant, Held},
    pattern::{Pattern, namespace_of},
};
use chrono::{DateTime, Utc};
use contracts::manifest::{PermissionEntry, Scope};
use serde::Serialize;
use std::collections::HashSet;
use utoipa::ToSchema;
use uuid::Uuid;

/// A way from a grant to the permission.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Way {
    pub grant: Uuid,
    /// The group by which the grant reaches the principal; absent if it is the principal's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupRef>,
    /// The role that was granted, then the one it includes, and so on; empty for a permission granted by name.
    pub roles: Vec<String>,
    /// What the last of them holds: the name, `forum.*`, or the rule of a built-in role.
    #[schema(example = "forum.*")]
    pub by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct GroupRef {
    pub id: Uuid,
    pub name: String,
}

/// Something that would allow it, nearest first.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Missing {
    pub kind: MissingKind,
    /// A sentence for people.
    pub text: String,
    /// The grant that would be enough but for what the text says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<Uuid>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MissingKind {
    /// It means nothing in a tenant of this kind.
    Scope,
    /// A wildcard would cover it if it were not dangerous.
    Dangerous,
    /// A grant gave it, and has ended.
    Ended,
    /// A group that has it could be joined.
    Group,
    /// A role that holds it could be granted.
    Role,
    /// It could be granted by name.
    Permission,
}

/// The ways that the principal's grants of an effect open at an instant.
pub fn ways(entitlements: &Entitlements, entry: &PermissionEntry, effect: Effect, at: DateTime<Utc>) -> Vec<Way> {
    let live = entitlements.grants.iter().filter(|grant| grant.effect == effect && grant.live(at));
    live.filter_map(|grant| way(grant, entry)).collect()
}

pub fn way(grant: &Grant, entry: &PermissionEntry) -> Option<Way> {
    let source = grant.source.as_ref()?;
    let (roles, by) = way_in(&grant.held, entry, grant.effect, &mut HashSet::new())?;
    let group = source.group.clone().map(|(id, name)| GroupRef { id, name });
    Some(Way { grant: source.grant, group, roles, by, expires_at: grant.expires_at })
}

/// The way to a wildcard that leaves the permission out because it is dangerous.
pub fn way_but_for_danger(grant: &Grant, entry: &PermissionEntry) -> Option<Way> {
    let tame = PermissionEntry { dangerous: false, ..entry.clone() };
    way(grant, &tame).filter(|_| entry.dangerous && grant.effect == Effect::Allow)
}

/// A denial covers what is dangerous by a wildcard, too.
fn way_in(
    held: &Held,
    entry: &PermissionEntry,
    effect: Effect,
    seen: &mut HashSet<String>,
) -> Option<(Vec<String>, String)> {
    let rule = |applies: bool, rule: &str| {
        applies.then(|| (held.role_name().map(str::to_owned).into_iter().collect(), rule.to_owned()))
    };
    match held {
        Held::Owner => rule(entry.scope == Scope::Tenant, "every permission of scope tenant"),
        Held::Operator => rule(true, "every permission"),
        Held::Member => rule(entry.roles.iter().any(|role| role == "member"), "every permission that lists member"),
        Held::Patterns(patterns) => covering(patterns, entry, effect).map(|by| (Vec::new(), by)),
        Held::Role(role) => {
            if !seen.insert(role.name.clone()) {
                return None;
            }
            if let Some(by) = covering(&role.patterns, entry, effect) {
                return Some((vec![role.name.clone()], by));
            }
            let (mut roles, by) = role.includes.iter().find_map(|included| way_in(included, entry, effect, seen))?;
            roles.insert(0, role.name.clone());
            Some((roles, by))
        }
    }
}

fn covering(patterns: &[Pattern], entry: &PermissionEntry, effect: Effect) -> Option<String> {
    let also_dangerous = effect == Effect::Deny;
    let covers = |pattern: &&Pattern| match pattern {
        Pattern::Name(name) => *name == entry.name,
        Pattern::Namespace(namespace) => (also_dangerous || !entry.dangerous) && namespace == namespace_of(&entry.name),
    };
    patterns.iter().find(covers).map(ToString::to_string)
}

/// Whether a role holds the permission, for somebody to whom it would be granted.
pub fn holds(held: &Held, entry: &PermissionEntry) -> bool {
    way_in(held, entry, Effect::Allow, &mut HashSet::new()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effective::model::{Role, Source};
    use std::sync::Arc;

    fn entry(name: &str, dangerous: bool) -> PermissionEntry {
        PermissionEntry {
            name: name.into(),
            text: String::new(),
            dangerous,
            scope: Scope::Tenant,
            roles: Vec::new(),
            deprecated: false,
        }
    }

    fn grant(held: Held, effect: Effect) -> Grant {
        Grant { held, effect, expires_at: None, source: Some(Source { grant: Uuid::nil(), group: None }) }
    }

    fn role(name: &str, patterns: &[&str], includes: Vec<Held>) -> Held {
        Held::Role(Arc::new(Role {
            name: name.into(),
            patterns: patterns.iter().map(|text| text.parse().unwrap()).collect(),
            includes,
        }))
    }

    #[test]
    fn the_way_leads_over_every_role_to_what_holds_it() {
        let held = role(
            "moderator",
            &["billing.*"],
            vec![role("empty", &[], Vec::new()), role("helper", &["forum.*"], Vec::new())],
        );
        let found = way(&grant(held.clone(), Effect::Allow), &entry("forum.addPost", false)).unwrap();
        assert_eq!((found.roles, found.by.as_str()), (vec!["moderator".to_owned(), "helper".to_owned()], "forum.*"));
        let dangerous = entry("forum.deleteForum", true);
        assert_eq!(way(&grant(held.clone(), Effect::Allow), &dangerous), None);
        assert_eq!(way_but_for_danger(&grant(held.clone(), Effect::Allow), &dangerous).unwrap().by, "forum.*");
        assert_eq!(way(&grant(held, Effect::Deny), &dangerous).unwrap().by, "forum.*");
    }

    #[test]
    fn a_built_in_role_holds_by_its_rule() {
        let found = way(&grant(Held::Owner, Effect::Allow), &entry("forum.addPost", true)).unwrap();
        assert_eq!((found.roles, found.by.as_str()), (vec!["owner".to_owned()], "every permission of scope tenant"));
        assert!(!holds(&Held::Member, &entry("forum.addPost", false)));
    }
}
