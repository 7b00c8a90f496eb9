//! Permissions as a service or a product declares them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One permission of a service's list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PermissionEntry {
    /// `forum.deletePosts`: namespace, dot, action.
    pub name: String,
    pub text: String,
    /// Not covered by wildcards: it must be granted by name.
    #[serde(default)]
    pub dangerous: bool,
    #[serde(default)]
    pub scope: Scope,
    /// Built-in roles that hold it besides `owner`: `member`.
    #[serde(default)]
    pub roles: Vec<String>,
    /// On its way out: still granted and held, but a later list may leave it out although somebody has it.
    #[serde(default)]
    pub deprecated: bool,
}

/// Where a permission means something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Over the caller's own tenant.
    #[default]
    Tenant,
    /// Over all tenants: only operators, in the platform's own tenant.
    Platform,
}

/// The list of permissions of one namespace, as a platform service ships it (`services/<name>/permissions.toml`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PermissionList {
    pub namespace: String,
    pub permissions: Vec<PermissionEntry>,
}

impl PermissionList {
    /// Reads the `permissions.toml` of a platform service.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// What is wrong with the list, one sentence a fault; empty if nothing is.
    pub fn faults(&self) -> Vec<String> {
        faults(&self.namespace, &self.permissions)
    }
}

/// What is wrong with the permissions of a namespace, one sentence a fault.
pub(super) fn faults(namespace: &str, permissions: &[PermissionEntry]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    permissions
        .iter()
        .filter(|entry| {
            let action = entry.name.strip_prefix(namespace).and_then(|rest| rest.strip_prefix('.'));
            !action.is_some_and(|action| !action.is_empty() && action.bytes().all(|b| b.is_ascii_alphanumeric()))
                || !seen.insert(&entry.name)
        })
        .map(|entry| format!("permission '{}' must be '{namespace}.<action>', once", entry.name))
        .collect()
}
