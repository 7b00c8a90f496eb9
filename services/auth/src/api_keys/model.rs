//! Request for an API key, checked: every fault is told at once.

use crate::{name::Name, registrations::model::name};
use chrono::{DateTime, TimeDelta, Utc};
use common::problem::FieldError;
use serde::Deserialize;
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// So that every token that stands for a key stays small.
pub const MOST_PERMISSIONS: usize = 100;
/// A year, also when it leaps.
const LONGEST_LIFE: TimeDelta = TimeDelta::days(366);

/// Body of `POST /v1/api-keys`.
#[derive(Deserialize, ToSchema)]
pub struct ApiKeyRequest {
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 100, example = "invoices into the spreadsheet")]
    name: Option<String>,
    /// What the key may be used for: 1 to 100 permissions that you have.
    #[serde(default)]
    #[schema(required = true, min_items = 1, max_items = 100, example = json!(["billing.readInvoices"]))]
    permissions: BTreeSet<String>,
    /// At most a year ahead; absent means until you revoke it.
    expires_at: Option<DateTime<Utc>>,
}

/// A checked request; that the owner has the permissions is not checked yet.
#[derive(Debug)]
pub struct Wanted {
    pub name: Name,
    pub permissions: BTreeSet<String>,
    pub expires_at: Option<DateTime<Utc>>,
}

impl ApiKeyRequest {
    pub fn check(self, now: DateTime<Utc>) -> Result<Wanted, Vec<FieldError>> {
        let mut faults = Vec::new();
        let name = name("name", self.name.as_deref(), &mut faults);
        match self.permissions.len() {
            0 => faults.push(FieldError::new("permissions", "missing", "must name at least one permission")),
            1..=MOST_PERMISSIONS => {}
            _ => faults.push(FieldError::new(
                "permissions",
                "too_many",
                format!("must name at most {MOST_PERMISSIONS} permissions"),
            )),
        }
        if self.expires_at.is_some_and(|at| at <= now || at > now + LONGEST_LIFE) {
            faults.push(FieldError::new("expires_at", "out_of_range", "must be in the future, at most a year ahead"));
        }
        match name {
            Some(name) if faults.is_empty() => {
                Ok(Wanted { name, permissions: self.permissions, expires_at: self.expires_at })
            }
            _ => Err(faults),
        }
    }
}

/// Names the permissions that the owner lacks.
pub fn lacking<'a>(permissions: impl Iterator<Item = &'a str>) -> Vec<FieldError> {
    permissions
        .map(|permission| FieldError::new("permissions", "not_held", format!("you do not have {permission} yourself")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn faults(body: serde_json::Value, now: DateTime<Utc>) -> Vec<String> {
        let request: ApiKeyRequest = serde_json::from_value(body).unwrap();
        request.check(now).map_or_else(|faults| faults.into_iter().map(|fault| fault.field).collect(), |_| Vec::new())
    }

    #[test]
    fn every_fault_is_named() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let many: Vec<_> = (0..=MOST_PERMISSIONS).map(|number| format!("x.y{number}")).collect();
        assert_eq!(faults(json!({}), now), ["name", "permissions"]);
        assert_eq!(
            faults(json!({"name": "a", "permissions": many, "expires_at": now}), now),
            ["permissions", "expires_at"]
        );
        assert_eq!(
            faults(json!({"name": "a", "permissions": ["x.y"], "expires_at": now + TimeDelta::days(367)}), now),
            ["expires_at"]
        );
        assert!(
            faults(json!({"name": "a", "permissions": &many[1..], "expires_at": now + TimeDelta::days(366)}), now)
                .is_empty()
        );
    }
}
