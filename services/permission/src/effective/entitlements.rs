//! What a principal may do: the one rule that makes permissions of the registry, the grants and the tenant's kind.

use super::{
    coverage::{Coverage, possible_entries},
    model::{Effect, Grant, Held},
    pattern::namespace_of,
};
use chrono::{DateTime, TimeDelta, Utc};
use contracts::{
    manifest::{PermissionEntry, Scope},
    messages::TenantKind,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The tenant as far as every principal in it is concerned. Its version is read first, so what is read later is at
/// least as new.
#[derive(Clone, Debug)]
pub struct TenantContext {
    pub kind: TenantKind,
    pub version: i64,
    /// Every permission that is registered.
    pub registry: Arc<Vec<PermissionEntry>>,
}

/// All that decides what a principal may do in a tenant.
#[derive(Clone, Debug)]
pub struct Entitlements {
    pub context: TenantContext,
    pub grants: Vec<Grant>,
}

#[derive(Debug, PartialEq)]
pub struct Effective {
    pub permissions: BTreeSet<String>,
    /// When the first of the grants behind it expires.
    pub until: Option<DateTime<Utc>>,
}

impl TenantContext {
    pub fn entitlements(&self, grants: Vec<Grant>) -> Entitlements {
        Entitlements { context: self.clone(), grants }
    }

    /// The permission of this name, if it is registered.
    pub fn find(&self, permission: &str) -> Option<&PermissionEntry> {
        self.registry.iter().find(|entry| entry.name == permission)
    }

    /// Whether the permission means something in a tenant of this kind.
    pub fn means_something(&self, entry: &PermissionEntry) -> bool {
        entry.scope == Scope::Tenant || self.kind == TenantKind::Platform
    }
}

impl Entitlements {
    /// What the principal may do at an instant.
    pub fn at(&self, at: DateTime<Utc>) -> Effective {
        let (allowed, denied) = (self.coverage(Effect::Allow, at), self.coverage(Effect::Deny, at));
        let permissions = self
            .context
            .registry
            .iter()
            .filter(|entry| self.context.means_something(entry))
            .filter(|entry| allowed.covers(entry) && !denied.covers(entry))
            .map(|entry| entry.name.clone())
            .collect();
        let until = self.grants.iter().filter(|grant| grant.live(at)).filter_map(|grant| grant.expires_at).min();
        Effective { permissions, until }
    }

    /// What `gained` covers beyond what was had `already`, and this principal does not itself hold from now on and for
    /// as long, of what is registered or may be registered later. Lifting a denial gives what it covers.
    pub fn lacks(&self, gained: &Grant, already: Option<&Held>, now: DateTime<Utc>) -> BTreeSet<String> {
        let mut before = Coverage::nothing(gained.effect);
        already.into_iter().for_each(|held| before.gather(held));
        self.lacking(&Coverage::of(gained.effect, [gained]), &before, gained.expires_at, None, now)
    }

    /// As [`lacks`](Self::lacks), of all that somebody with these grants holds, or will hold when a denial of theirs
    /// ends. With a `scope`, this principal acts within those permissions only.
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
            self.context.registry.iter().map(|entry| namespace_of(&entry.name).to_owned()).collect();
        [given, spared, &held, &denied].into_iter().for_each(|coverage| namespaces.extend(coverage.namespaces()));
        let holds = |entry: &PermissionEntry| {
            held.covers(entry) && !denied.covers(entry) && scope.is_none_or(|scope| scope.contains(&entry.name))
        };
        let lacking = |entry: &&PermissionEntry| given.covers(entry) && !spared.covers(entry) && !holds(entry);
        let possible = possible_entries(namespaces);
        let entries = self.context.registry.iter().chain(&possible).filter(|entry| self.context.means_something(entry));
        entries.filter(lacking).map(|entry| entry.name.clone()).collect()
    }

    fn coverage(&self, effect: Effect, at: DateTime<Utc>) -> Coverage<'_> {
        Coverage::of(effect, self.grants.iter().filter(|grant| grant.effect == effect && grant.live(at)))
    }
}

#[cfg(test)]
mod tests;
