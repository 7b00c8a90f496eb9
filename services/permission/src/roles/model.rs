//! Roles as they are asked for, and what makes one valid.

use crate::effective::pattern::Pattern;
use common::problem::FieldError;
use serde::Deserialize;
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// A role is read as a whole with every record that is made of it.
const MOST_PATTERNS: usize = 200;
const MOST_INCLUDES: usize = 20;
const LONGEST_NAME: usize = 40;
const RESERVED: [&str; 3] = ["owner", "member", "operator"];
/// Roles of a tenant's own: all of them are looked through when one is edited.
pub const MOST_ROLES: i64 = 500;

#[derive(Debug, Deserialize, ToSchema)]
pub struct RoleBody {
    /// Lower-case letters, digits and `-`.
    #[schema(example = "accountant")]
    pub name: String,
    /// Names, or `forum.*` for all of a namespace except what is dangerous, also what is added later.
    #[schema(example = json!(["billing.*"]))]
    #[serde(default)]
    pub permissions: Vec<String>,
    /// Names of roles whose permissions it has too: the tenant's own, or `member`.
    #[schema(example = json!(["member"]))]
    #[serde(default)]
    pub includes: Vec<String>,
}

/// A role that may be stored, if what it names exists.
#[derive(Debug, PartialEq)]
pub struct ValidRole {
    pub name: String,
    pub patterns: BTreeSet<Pattern>,
    pub includes: BTreeSet<String>,
}

impl ValidRole {
    /// Checks name, patterns and includes; every fault is told.
    pub fn parse(body: &RoleBody) -> Result<Self, Vec<FieldError>> {
        let mut faults = Vec::new();
        if !is_name(&body.name) {
            faults.push(malformed_name());
        } else if RESERVED.contains(&body.name.as_str()) {
            faults.push(FieldError::new("name", "reserved", "is the name of a built-in role"));
        }
        if body.permissions.len() > MOST_PATTERNS || (body.permissions.is_empty() && body.includes.is_empty()) {
            faults.push(FieldError::new(
                "permissions",
                "out_of_range",
                format!("must be 1 to {MOST_PATTERNS} patterns, or none if the role includes others"),
            ));
        }
        if body.includes.len() > MOST_INCLUDES {
            faults.push(FieldError::new("includes", "out_of_range", format!("must be at most {MOST_INCLUDES} roles")));
        }
        let mut patterns = BTreeSet::new();
        for (index, text) in body.permissions.iter().enumerate() {
            match text.parse() {
                Ok(pattern) => _ = patterns.insert(pattern),
                Err(_) => faults.push(FieldError::new(
                    format!("permissions[{index}]"),
                    "malformed",
                    "must be written forum.addPost or forum.*",
                )),
            }
        }
        for (index, _) in
            body.includes.iter().enumerate().filter(|(_, name)| matches!(name.as_str(), "owner" | "operator"))
        {
            faults.push(FieldError::new(
                format!("includes[{index}]"),
                "reserved",
                "is granted by itself only, so that its last holder can be counted",
            ));
        }
        let (name, includes) = (body.name.clone(), body.includes.iter().cloned().collect());
        if faults.is_empty() { Ok(Self { name, patterns, includes }) } else { Err(faults) }
    }
}

pub fn malformed_name() -> FieldError {
    FieldError::new(
        "name",
        "malformed",
        format!("must be 1 to {LONGEST_NAME} lower-case letters, digits and '-', a letter first"),
    )
}

/// What a role or a group may be called.
pub fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    name.len() <= LONGEST_NAME && name.starts_with(|c: char| c.is_ascii_lowercase()) && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_told() {
        let fields = |name: &str, permissions: &[&str], includes: &[&str]| {
            let [permissions, includes] =
                [permissions, includes].map(|texts| texts.iter().map(|text| (*text).to_owned()).collect());
            let faults =
                ValidRole::parse(&RoleBody { name: name.into(), permissions, includes }).err().unwrap_or_default();
            faults.into_iter().map(|fault| fault.field).collect::<Vec<_>>()
        };
        assert_eq!(fields("moderator", &["forum.*", "forum.deletePosts"], &[]), [""; 0]);
        assert_eq!(fields("moderator", &[], &["helper", "member"]), [""; 0]);
        assert_eq!(fields("owner", &[], &[]), ["name", "permissions"]);
        assert_eq!(fields("Big Boss", &["forum.*", "*"], &["owner"]), ["name", "permissions[1]", "includes[0]"]);
    }
}
