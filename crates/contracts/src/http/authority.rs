//! What auth and the permission service ask each other: who exists in a tenant, who holds more than whom, and who has
//! left.

use crate::id::{Principal, TenantId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use uuid::Uuid;

/// Principals asked about in one `POST /internal/principals`.
pub const MOST_PRINCIPALS: usize = 200;

/// Body of `POST /internal/authority` of the permission service: does the actor hold everything that is asked about?
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuthorityRequest {
    pub tenant_id: TenantId,
    pub actor: Principal,
    /// The only permissions that the actor's token may be used for; absent means all that the actor has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<BTreeSet<String>>,
    pub over: Subject,
}

/// What the actor must hold to speak for it, or to hand it on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Subject {
    /// All that this principal holds by grants, roles and groups, less what it is denied for good.
    Principal { principal: Principal },
    /// All that these would give to whoever gets them.
    Things {
        /// Names of roles, `member` among them.
        #[serde(default)]
        roles: BTreeSet<String>,
        #[serde(default)]
        groups: BTreeSet<Uuid>,
        #[serde(default)]
        permissions: BTreeSet<String>,
    },
}

impl Subject {
    /// What a role gives.
    pub fn role(name: &str) -> Self {
        Self::Things { roles: BTreeSet::from([name.to_owned()]), groups: BTreeSet::new(), permissions: BTreeSet::new() }
    }
}

/// Its answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuthorityAnswer {
    /// Whether the actor holds all of it, also what may be registered later, and for as long.
    pub holds: bool,
    /// The first of the registered permissions that the actor lacks, sorted. Empty if only later ones are lacking.
    pub lacking: Vec<String>,
}

/// Body of `POST /internal/principals` of auth: which of these exist in the tenant?
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PrincipalsRequest {
    pub tenant_id: TenantId,
    /// At most 200.
    pub principals: BTreeSet<Principal>,
}

/// Its answer: those that do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PrincipalsAnswer {
    pub existing: Vec<Existing>,
}

/// A member or a machine of the tenant.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Existing {
    pub principal: Principal,
    /// Of the membership, so that a person who comes back is told from the one who left; a machine's own id.
    pub id: Uuid,
}

/// Body of `POST /internal/removals` of the permission service: the principal has left the tenant, and all it was given
/// ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RemovalRequest {
    pub tenant_id: TenantId,
    pub principal: Principal,
    /// As in [`Existing`].
    pub id: Uuid,
    /// Who wants it so.
    pub by: Principal,
}
