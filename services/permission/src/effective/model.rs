//! What may a principal do? The one rule that makes permissions of the catalog, the grants and the tenant's kind.

use chrono::{DateTime, TimeDelta, Utc};
use contracts::{
    manifest::{PermissionEntry, Scope},
    messages::TenantKind,
};
use std::{collections::BTreeSet, fmt, str::FromStr};

/// One permission, or all of a namespace that is not dangerous, also what comes later.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pattern {
    Name(String),
    Namespace(String),
}

#[derive(Debug, thiserror::Error)]
#[error("a pattern is written forum.addPost or forum.*")]
pub struct NotAPattern;

impl FromStr for Pattern {
    type Err = NotAPattern;
    fn from_str(text: &str) -> Result<Self, NotAPattern> {
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric());
        match text.split_once('.') {
            Some((namespace, _)) if !plain(&namespace.replace('-', "x")) => Err(NotAPattern),
            Some((namespace, "*")) => Ok(Self::Namespace(namespace.to_owned())),
            Some((_, action)) if plain(action) => Ok(Self::Name(text.to_owned())),
            _ => Err(NotAPattern),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Namespace(namespace) => write!(f, "{namespace}.*"),
        }
    }
}

/// What a grant gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Held {
    /// Every permission of scope tenant.
    Owner,
    /// Every permission.
    Operator,
    /// Every permission whose entry lists `member`.
    Member,
    /// What a tenant's own role holds, or the one permission that was granted by name.
    Patterns(Vec<Pattern>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    pub held: Held,
    pub expires_at: Option<DateTime<Utc>>,
}

/// All that decides what a principal may do in a tenant.
#[derive(Clone, Debug)]
pub struct Standing {
    pub catalog: Vec<PermissionEntry>,
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

    fn covers(&self, entry: &PermissionEntry) -> bool {
        match self {
            Self::Owner => entry.scope == Scope::Tenant,
            Self::Operator => true,
            Self::Member => entry.roles.iter().any(|role| role == "member"),
            Self::Patterns(patterns) => patterns.iter().any(|pattern| match pattern {
                Pattern::Name(name) => *name == entry.name,
                Pattern::Namespace(namespace) => !entry.dangerous && namespace_of(&entry.name) == namespace,
            }),
        }
    }
}

impl Grant {
    fn live(&self, at: DateTime<Utc>) -> bool {
        self.expires_at.is_none_or(|end| end > at)
    }
}

impl Standing {
    /// What the principal may do at an instant.
    pub fn at(&self, at: DateTime<Utc>) -> Effective {
        let live: Vec<&Grant> = self.grants.iter().filter(|grant| grant.live(at)).collect();
        let covered = self.meaningful().filter(|entry| live.iter().any(|grant| grant.held.covers(entry)));
        let permissions = covered.map(|entry| entry.name.clone()).collect();
        Effective { permissions, until: live.iter().filter_map(|grant| grant.expires_at).min() }
    }

    /// What `wanted` gives that this principal does not itself hold for as long, now or of what the catalog may come to list.
    pub fn lacks(&self, wanted: &Grant) -> BTreeSet<String> {
        let mut future = self.clone();
        future.catalog.extend(self.possible_entries(&wanted.held));
        let last_instant = wanted.expires_at.map_or(DateTime::<Utc>::MAX_UTC, |end| end - TimeDelta::microseconds(1));
        let given = Standing { grants: vec![wanted.clone()], ..future.clone() }.at(last_instant).permissions;
        &given - &future.at(last_instant).permissions
    }

    /// Permissions that mean something in this tenant.
    fn meaningful(&self) -> impl Iterator<Item = &PermissionEntry> {
        self.catalog.iter().filter(|entry| entry.scope == Scope::Tenant || self.kind == TenantKind::Platform)
    }

    /// One entry of every kind that may be registered later, in each namespace and in one that does not exist yet.
    fn possible_entries(&self, held: &Held) -> Vec<PermissionEntry> {
        let named = match held {
            Held::Patterns(patterns) => patterns.as_slice(),
            _ => &[],
        };
        let mut namespaces: BTreeSet<String> = self.catalog.iter().map(|entry| namespace_of(&entry.name).to_owned()).collect();
        namespaces.extend(named.iter().map(|pattern| namespace_of(&pattern.to_string()).to_owned()));
        namespaces.insert("later".into());
        let mut entries = Vec::new();
        for namespace in namespaces {
            for (scope, scope_name) in [(Scope::Tenant, "tenant"), (Scope::Platform, "platform")] {
                for dangerous in [false, true] {
                    for roles in [vec![], vec!["member".to_owned()]] {
                        // No registered name has a dash behind the dot, so these meet none.
                        let name = format!("{namespace}.later-{scope_name}-{dangerous}-{}", roles.len());
                        entries.push(PermissionEntry { name, text: String::new(), dangerous, scope, roles });
                    }
                }
            }
        }
        entries
    }
}

pub fn namespace_of(name: &str) -> &str {
    name.split_once('.').map_or(name, |(namespace, _)| namespace)
}

#[cfg(test)]
mod tests;
