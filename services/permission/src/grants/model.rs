//! Grants as they are asked for, and what makes one sound.

use super::grantee::Grantee;
use crate::effective::model::Effect;
use chrono::{DateTime, Utc};
use common::{instant, problem::FieldError};
use serde::Deserialize;
use utoipa::ToSchema;

const LONGEST_REASON: usize = 500;
/// What an index of the database holds easily.
pub const LONGEST_PRINCIPAL: usize = 200;
/// Living grants of one principal or group: all of them are read with every record that is made of them.
pub const MOST_GRANTS: i64 = 1_000;

#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct CreateGrant {
    /// `user:<uuid>`, `client:<id>` or `group:<uuid>`.
    pub principal: Grantee,
    /// `deny` takes away what any other grant gives, and wins over all of them.
    #[serde(default)]
    pub effect: Effect,
    /// Name of a role; or give a permission.
    #[schema(example = "accountant")]
    pub role: Option<String>,
    /// Name of a permission; or give a role.
    pub permission: Option<String>,
    /// Until when; absent means until it is revoked.
    #[serde(default, deserialize_with = "instant::optional")]
    pub expires_at: Option<DateTime<Utc>>,
    /// Why, for whoever looks at it later.
    pub reason: Option<String>,
}

/// What is to be granted, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    Role(String),
    Permission(String),
}

impl Wanted {
    /// Exactly one of both.
    pub fn parse(role: Option<String>, permission: Option<String>) -> Result<Self, FieldError> {
        match (role, permission) {
            (Some(role), None) => Ok(Self::Role(role)),
            (None, Some(permission)) => Ok(Self::Permission(permission)),
            (None, None) => Err(FieldError::new("role", "missing", "give a role or a permission")),
            (Some(_), Some(_)) => {
                Err(FieldError::new("permission", "surplus", "give a role or a permission, not both"))
            }
        }
    }
}

impl CreateGrant {
    /// What it would give or deny; every fault of it is told.
    pub fn check(&self, now: DateTime<Utc>) -> Result<Wanted, Vec<FieldError>> {
        let mut faults = Vec::new();
        if self.principal.to_string().len() > LONGEST_PRINCIPAL {
            faults.push(too_long_principal());
        }
        if self.expires_at.is_some_and(|end| end <= now) {
            faults.push(FieldError::new("expires_at", "past", "must be in the future"));
        }
        if self.reason.as_ref().is_some_and(|reason| reason.chars().count() > LONGEST_REASON) {
            faults.push(FieldError::new("reason", "too_long", format!("must be at most {LONGEST_REASON} characters")));
        }
        match Wanted::parse(self.role.clone(), self.permission.clone()) {
            Ok(wanted) if faults.is_empty() => return Ok(wanted),
            Ok(_) => {}
            Err(fault) => faults.push(fault),
        }
        Err(faults)
    }
}

pub fn too_long_principal() -> FieldError {
    FieldError::new("principal", "too_long", format!("must be at most {LONGEST_PRINCIPAL} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_fault_of_a_grant_is_told() {
        let now = DateTime::from_timestamp(100, 0).unwrap();
        let check = |body: serde_json::Value| {
            let grant: CreateGrant = serde_json::from_value(body).unwrap();
            grant.check(now).map_err(|faults| faults.into_iter().map(|fault| fault.field).collect::<Vec<_>>())
        };
        let (role, permission) = (Wanted::Role("member".into()), Wanted::Permission("x.y".into()));
        assert_eq!(check(json!({"principal": "client:forum", "role": "member"})), Ok(role));
        let ending = json!({"principal": "client:forum", "permission": "x.y", "reason": "holiday",
            "expires_at": "1970-01-01T00:01:41Z"});
        assert_eq!(check(ending), Ok(permission));
        let faulty =
            json!({"principal": format!("client:{}", "x".repeat(200)), "expires_at": now, "reason": "x".repeat(501)});
        assert_eq!(check(faulty).unwrap_err(), ["principal", "expires_at", "reason", "role"]);
        let both = json!({"principal": "client:forum", "role": "member", "permission": "x.y"});
        assert_eq!(check(both).unwrap_err(), ["permission"]);
    }
}
