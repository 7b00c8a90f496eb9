//! Which permissions some grants name: gathered once, then asked for each permission, so that 10,000 grants cost no
//! more than reading them.

use super::{
    model::{Effect, Grant, Held},
    pattern::{Pattern, namespace_of},
};
use contracts::manifest::{PermissionEntry, Scope};
use std::collections::{BTreeSet, HashSet};

/// What grants of one effect name together.
pub struct Coverage<'a> {
    effect: Effect,
    owner: bool,
    operator: bool,
    member: bool,
    names: HashSet<&'a str>,
    namespaces: HashSet<&'a str>,
    /// Roles gathered already: a role may be included on several ways.
    roles: HashSet<&'a str>,
}

impl<'a> Coverage<'a> {
    pub fn of(effect: Effect, grants: impl IntoIterator<Item = &'a Grant>) -> Self {
        let mut coverage = Self::nothing(effect);
        for grant in grants {
            coverage.gather(&grant.held);
        }
        coverage
    }

    pub fn nothing(effect: Effect) -> Self {
        let (names, namespaces, roles) = Default::default();
        Self { effect, owner: false, operator: false, member: false, names, namespaces, roles }
    }

    pub fn gather(&mut self, held: &'a Held) {
        match held {
            Held::Owner => self.owner = true,
            Held::Operator => self.operator = true,
            Held::Member => self.member = true,
            Held::Patterns(patterns) => self.gather_patterns(patterns),
            Held::Role(role) => {
                if self.roles.insert(&role.name) {
                    self.gather_patterns(&role.patterns);
                    role.includes.iter().for_each(|included| self.gather(included));
                }
            }
        }
    }

    fn gather_patterns(&mut self, patterns: &'a [Pattern]) {
        for pattern in patterns {
            match pattern {
                Pattern::Name(name) => self.names.insert(name),
                Pattern::Namespace(namespace) => self.namespaces.insert(namespace),
            };
        }
    }

    /// A wildcard that allows leaves out what is dangerous; one that denies leaves out nothing.
    pub fn covers(&self, entry: &PermissionEntry) -> bool {
        self.operator
            || (self.owner && entry.scope == Scope::Tenant)
            || (self.member && entry.roles.iter().any(|role| role == "member"))
            || self.names.contains(entry.name.as_str())
            || ((self.effect == Effect::Deny || !entry.dangerous)
                && self.namespaces.contains(namespace_of(&entry.name)))
    }

    pub fn namespaces(&self) -> BTreeSet<String> {
        self.names
            .iter()
            .map(|name| namespace_of(name))
            .chain(self.namespaces.iter().copied())
            .map(str::to_owned)
            .collect()
    }
}

/// One entry of every kind that may be registered later, in each of the namespaces and in one that does not exist yet.
pub fn possible_entries(mut namespaces: BTreeSet<String>) -> Vec<PermissionEntry> {
    namespaces.insert("later".into());
    let mut entries = Vec::new();
    for namespace in namespaces {
        for (scope, scope_name) in [(Scope::Tenant, "tenant"), (Scope::Platform, "platform")] {
            for dangerous in [false, true] {
                for roles in [vec![], vec!["member".to_owned()]] {
                    // No registered name has a dash behind the dot, so these meet none.
                    let name = format!("{namespace}.later-{scope_name}-{dangerous}-{}", roles.len());
                    entries.push(PermissionEntry {
                        name,
                        text: String::new(),
                        dangerous,
                        scope,
                        roles,
                        deprecated: false,
                    });
                }
            }
        }
    }
    entries
}
