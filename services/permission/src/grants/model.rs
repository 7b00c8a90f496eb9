//! What makes a sound grant?

use super::grantee::Grantee;
use chrono::{DateTime, Utc};
use common::problem::FieldError;

const LONGEST_REASON: usize = 500;
/// What an index of the database holds easily.
pub const LONGEST_PRINCIPAL: usize = 200;
/// Living grants of one principal or group: all of them are read with every record that is made of them.
pub const MOST_GRANTS: i64 = 1_000;

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

/// What is wrong with a grant's principal, end and reason.
pub fn faults(
    principal: &Grantee,
    expires_at: Option<DateTime<Utc>>,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if principal.to_string().len() > LONGEST_PRINCIPAL {
        faults.push(FieldError::new("principal", "too_long", format!("must be at most {LONGEST_PRINCIPAL} bytes")));
    }
    if expires_at.is_some_and(|end| end <= now) {
        faults.push(FieldError::new("expires_at", "past", "must be in the future"));
    }
    if reason.is_some_and(|reason| reason.chars().count() > LONGEST_REASON) {
        faults.push(FieldError::new("reason", "too_long", format!("must be at most {LONGEST_REASON} characters")));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::id::Principal;

    #[test]
    fn a_grant_gives_a_role_or_a_permission() {
        assert_eq!(Wanted::parse(Some("member".into()), None), Ok(Wanted::Role("member".into())));
        assert_eq!(Wanted::parse(None, Some("x.y".into())), Ok(Wanted::Permission("x.y".into())));
        assert!(Wanted::parse(None, None).is_err());
        assert!(Wanted::parse(Some("member".into()), Some("x.y".into())).is_err());
    }

    #[test]
    fn a_grant_must_end_in_the_future() {
        let now = DateTime::from_timestamp(100, 0).unwrap();
        let forum = Grantee::Principal(Principal::Client("forum".into()));
        assert!(faults(&forum, None, None, now).is_empty());
        assert!(faults(&forum, DateTime::from_timestamp(101, 0), Some("holiday"), now).is_empty());
        let all =
            faults(&Grantee::Principal(Principal::Client("x".repeat(200))), Some(now), Some(&"x".repeat(501)), now);
        assert_eq!(
            all.iter().map(|fault| fault.field.as_str()).collect::<Vec<_>>(),
            ["principal", "expires_at", "reason"]
        );
    }
}
