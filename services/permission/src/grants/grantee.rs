//! Grantees: to whom something can be granted, a person, a machine, or a group of them.

use contracts::id::Principal;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use utoipa::ToSchema;
use uuid::Uuid;

/// Written `user:<uuid>`, `client:<id>` or `group:<uuid>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Grantee {
    Principal(Principal),
    Group(Uuid),
}

#[derive(Debug, thiserror::Error)]
#[error("a principal is written user:<uuid>, client:<id> or group:<uuid>")]
pub struct NotAGrantee;

impl Grantee {
    /// The person or machine, if it is one.
    pub fn principal(&self) -> Option<&Principal> {
        match self {
            Self::Principal(principal) => Some(principal),
            Self::Group(_) => None,
        }
    }
}

impl fmt::Display for Grantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Principal(principal) => principal.fmt(f),
            Self::Group(id) => write!(f, "group:{id}"),
        }
    }
}

impl FromStr for Grantee {
    type Err = NotAGrantee;
    fn from_str(text: &str) -> Result<Self, NotAGrantee> {
        match text.strip_prefix("group:") {
            Some(id) => id.parse().map(Self::Group).map_err(|_| NotAGrantee),
            None => text.parse().map(Self::Principal).map_err(|_| NotAGrantee),
        }
    }
}

impl utoipa::PartialSchema for Grantee {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        <String as utoipa::PartialSchema>::schema()
    }
}
impl ToSchema for Grantee {}

impl From<Grantee> for String {
    fn from(grantee: Grantee) -> Self {
        grantee.to_string()
    }
}

impl TryFrom<String> for Grantee {
    type Error = NotAGrantee;
    fn try_from(text: String) -> Result<Self, NotAGrantee> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grantee_reads_back_as_written() {
        for text in
            ["user:01890a5d-ac96-774b-bcce-b302099a8057", "client:forum", "group:01890a5d-ac96-774b-bcce-b302099a8057"]
        {
            assert_eq!(text.parse::<Grantee>().unwrap().to_string(), text);
        }
        for text in ["", "group:", "group:x", "robot:1"] {
            assert!(text.parse::<Grantee>().is_err(), "{text}");
        }
    }
}
