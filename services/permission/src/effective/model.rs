//! What may a principal do? The one rule that makes permissions of the catalog, the grants and the tenant's kind.

use super::{
    coverage::{Coverage, possible_entries},
    pattern::{Pattern, namespace_of},
};
use chrono::{DateTime, TimeDelta, Utc};
use contracts::{
    manifest::{PermissionEntry, Scope},
    messages::TenantKind,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use utoipa::ToSchema;
use uuid::Uuid;

/// What a grant gives or denies.
#[derive(Clone, Debug, PartialEq)]
pub enum Held {
    /// Every permission of scope tenant.
    Owner,
    /// Every permission.
    Operator,
    /// Every permission whose entry lists `member`.
    Member,
    /// The one permission that was granted by name.
    Patterns(Vec<Pattern>),
    /// A role of the tenant's own.
    Role(Arc<Role>),
}

/// A role of the tenant's own, with all that it includes.
#[derive(Clone, Debug, PartialEq)]
pub struct Role {
    pub name: String,
    pub patterns: Vec<Pattern>,
    pub includes: Vec<Held>,
}

/// A denial wins over everything that is allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    #[default]
    Allow,
    Deny,
}

impl Effect {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    pub held: Held,
    pub effect: Effect,
    pub expires_at: Option<DateTime<Utc>>,
    /// Absent for a grant that is only thought of.
    pub source: Option<Source>,
}

/// Which grant it is, and how it reaches the principal.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    pub grant: Uuid,
    /// Id and name of the group that it was granted to.
    pub group: Option<(Uuid, String)>,
}

/// All that decides what a principal may do in a tenant.
#[derive(Clone, Debug)]
pub struct Standing {
    pub catalog: Arc<Vec<PermissionEntry>>,
    pub kind: TenantKind,
    pub grants: Vec<Grant>,
}

#[derive(Debug, PartialEq)]
pub struct Effective {
    pub permissions: BTreeSet<String>,
    /// When the first of the grants behind it expires.
    pub until: Option<DateTime<Utc>>,
}

impl Held {
    /// The role that every tenant has under this name.
    pub fn built_in(role: &str) -> Option<Self> {
        match role {
            "owner" => Some(Self::Owner),
            "operator" => Some(Self::Operator),
            "member" => Some(Self::Member),
            _ => None,
        }
    }

    /// The name of the role, if it is one.
    pub fn role_name(&self) -> Option<&str> {
        match self {
            Self::Owner => Some("owner"),
            Self::Operator => Some("operator"),
            Self::Member => Some("member"),
            Self::Patterns(_) => None,
            Self::Role(role) => Some(&role.name),
        }
    }
}

impl Grant {
    pub fn live(&self, at: DateTime<Utc>) -> bool {
        self.expires_at.is_none_or(|end| end > at)
    }
}

impl Standing {
    /// What the principal may do at an instant.
    pub fn at(&self, at: DateTime<Utc>) -> Effective {
        let (allowed, denied) = (self.coverage(Effect::Allow, at), self.coverage(Effect::Deny, at));
        let permissions = self
            .meaningful()
            .filter(|entry| allowed.covers(entry) && !denied.covers(entry))
            .map(|entry| entry.name.clone())
            .collect();
        let until = self.grants.iter().filter(|grant| grant.live(at)).filter_map(|grant| grant.expires_at).min();
        Effective { permissions, until }
    }

    /// What `gained` covers beyond what was had `already`, and this principal does not itself hold from now on and for as long,
    /// of what the catalog lists or may come to list. Lifting a denial gives what it covers.
    pub fn lacks(&self, gained: &Grant, already: Option<&Held>, now: DateTime<Utc>) -> BTreeSet<String> {
        let mut before = Coverage::nothing(gained.effect);
        already.into_iter().for_each(|held| before.gather(held));
        self.lacking(&Coverage::of(gained.effect, [gained]), &before, gained.expires_at, None, now)
    }

    /// As [`lacks`](Self::lacks), of all that somebody with these grants holds, or will hold when a denial of theirs ends.
    /// With a `scope`, this principal acts within those permissions only.
    pub fn lacks_of(&self, others: &[Grant], scope: Option<&BTreeSet<String>>, now: DateTime<Utc>) -> BTreeSet<String> {
        let spared = Coverage::of(
            Effect::Deny,
            others.iter().filter(|grant| grant.effect == Effect::Deny && grant.expires_at.is_none()),
        );
        let mut by_end: BTreeMap<Option<DateTime<Utc>>, Vec<&Grant>> = BTreeMap::new();
        for grant in others.iter().filter(|grant| grant.effect == Effect::Allow && grant.live(now)) {
            by_end.entry(grant.expires_at).or_default().push(grant);
        }
        by_end
            .into_iter()
            .flat_map(|(end, grants)| self.lacking(&Coverage::of(Effect::Allow, grants), &spared, end, scope, now))
            .collect()
    }

    fn lacking(
        &self,
        given: &Coverage<'_>,
        spared: &Coverage<'_>,
        end: Option<DateTime<Utc>>,
        scope: Option<&BTreeSet<String>>,
        now: DateTime<Utc>,
    ) -> BTreeSet<String> {
        let last_instant = end.map_or(DateTime::<Utc>::MAX_UTC, |end| end - TimeDelta::microseconds(1));
        // Grants only end: what is allowed at the last instant is so throughout, and what is not denied now never is.
        let (held, denied) = (self.coverage(Effect::Allow, last_instant), self.coverage(Effect::Deny, now));
        let mut namespaces: BTreeSet<String> =
            self.catalog.iter().map(|entry| namespace_of(&entry.name).to_owned()).collect();
        [given, spared, &held, &denied].into_iter().for_each(|coverage| namespaces.extend(coverage.namespaces()));
        let holds = |entry: &PermissionEntry| {
            held.covers(entry) && !denied.covers(entry) && scope.is_none_or(|scope| scope.contains(&entry.name))
        };
        let lacking = |entry: &&PermissionEntry| given.covers(entry) && !spared.covers(entry) && !holds(entry);
        let possible = possible_entries(namespaces);
        let entries = self.catalog.iter().chain(&possible).filter(|entry| self.means_something(entry));
        entries.filter(lacking).map(|entry| entry.name.clone()).collect()
    }

    fn coverage(&self, effect: Effect, at: DateTime<Utc>) -> Coverage<'_> {
        Coverage::of(effect, self.grants.iter().filter(|grant| grant.effect == effect && grant.live(at)))
    }

    /// Permissions that mean something in this tenant.
    fn meaningful(&self) -> impl Iterator<Item = &PermissionEntry> {
        self.catalog.iter().filter(|entry| self.means_something(entry))
    }

    pub fn means_something(&self, entry: &PermissionEntry) -> bool {
        entry.scope == Scope::Tenant || self.kind == TenantKind::Platform
    }
}

#[cfg(test)]
mod tests;
