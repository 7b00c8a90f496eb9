//! Grants as the rule of [`super::entitlements`] takes them: what they give or deny, and how they reach a principal.

use super::pattern::Pattern;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// What a grant gives or denies.
#[derive(Clone, Debug, PartialEq)]
pub enum Held {
    /// Every permission of scope tenant.
    Owner,
    /// Every permission.
    Operator,
    /// Every permission whose entry lists `member`.
    Member,
    /// The one permission that was granted by name.
    Patterns(Vec<Pattern>),
    /// A role of the tenant's own.
    Role(Arc<Role>),
}

/// A role of the tenant's own, with all that it includes.
#[derive(Clone, Debug, PartialEq)]
pub struct Role {
    pub name: String,
    pub patterns: Vec<Pattern>,
    pub includes: Vec<Held>,
}

/// A denial wins over everything that is allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Effect {
    #[default]
    Allow,
    Deny,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    pub held: Held,
    pub effect: Effect,
    pub expires_at: Option<DateTime<Utc>>,
    /// Absent for a grant that is only thought of.
    pub source: Option<Source>,
}

/// Which grant it is, and how it reaches the principal.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    pub grant: Uuid,
    /// Id and name of the group that it was granted to.
    pub group: Option<(Uuid, String)>,
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

    /// The name of the role, if it is one.
    pub fn role_name(&self) -> Option<&str> {
        match self {
            Self::Owner => Some("owner"),
            Self::Operator => Some("operator"),
            Self::Member => Some("member"),
            Self::Patterns(_) => None,
            Self::Role(role) => Some(&role.name),
        }
    }
}

impl Grant {
    pub fn live(&self, at: DateTime<Utc>) -> bool {
        self.expires_at.is_none_or(|end| end > at)
    }
}
