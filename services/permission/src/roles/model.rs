//! What makes a sound role?

use crate::effective::model::Pattern;
use common::problem::FieldError;
use std::collections::BTreeSet;

/// A role is read as a whole with every record that is made of it.
const MOST_PATTERNS: usize = 200;
const LONGEST_NAME: usize = 40;
const RESERVED: [&str; 3] = ["owner", "member", "operator"];

/// A role that may be stored, if what it names exists.
#[derive(Debug, PartialEq)]
pub struct NewRole {
    pub name: String,
    pub patterns: BTreeSet<Pattern>,
}

impl NewRole {
    /// Checks name and patterns; every fault is told.
    pub fn parse(name: String, permissions: &[String]) -> Result<Self, Vec<FieldError>> {
        let mut faults = Vec::new();
        if !is_role_name(&name) {
            faults.push(FieldError::new("name", "malformed", format!("must be 1 to {LONGEST_NAME} lower-case letters, digits and '-', a letter first")));
        } else if RESERVED.contains(&name.as_str()) {
            faults.push(FieldError::new("name", "reserved", "is the name of a built-in role"));
        }
        if permissions.is_empty() || permissions.len() > MOST_PATTERNS {
            faults.push(FieldError::new("permissions", "out_of_range", format!("must be 1 to {MOST_PATTERNS} patterns")));
        }
        let mut patterns = BTreeSet::new();
        for (index, text) in permissions.iter().enumerate() {
            match text.parse() {
                Ok(pattern) => _ = patterns.insert(pattern),
                Err(_) => faults.push(FieldError::new(format!("permissions[{index}]"), "malformed", "must be written forum.addPost or forum.*")),
            }
        }
        if faults.is_empty() { Ok(Self { name, patterns }) } else { Err(faults) }
    }
}

fn is_role_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    name.len() <= LONGEST_NAME && name.starts_with(|c: char| c.is_ascii_lowercase()) && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_told() {
        let fields = |name: &str, permissions: &[&str]| {
            let permissions: Vec<String> = permissions.iter().map(|text| (*text).to_owned()).collect();
            NewRole::parse(name.into(), &permissions).map_err(|faults| faults.into_iter().map(|fault| fault.field).collect::<Vec<_>>()).map(|_| ())
        };
        assert_eq!(fields("moderator", &["forum.*", "forum.deletePosts"]), Ok(()));
        assert_eq!(fields("owner", &[]), Err(vec!["name".into(), "permissions".into()]));
        assert_eq!(fields("Big Boss", &["forum.*", "*"]), Err(vec!["name".into(), "permissions[1]".into()]));
    }
}
