//! Typed ids, so that a tenant is never taken for a user.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
/// Declares a newtype around a UUIDv7 (RFC 9562 §5.7) that reads and writes like the bare UUID.
#[macro_export]
macro_rules! typed_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, $crate::id::__Serialize,
            $crate::id::__Deserialize, $crate::id::__JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub $crate::id::__Uuid);
        impl From<$crate::id::__Uuid> for $name {
            fn from(uuid: $crate::id::__Uuid) -> Self { Self(uuid) }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { self.0.fmt(f) }
        }
        impl std::str::FromStr for $name {
            type Err = $crate::id::__UuidError;
            fn from_str(text: &str) -> Result<Self, Self::Err> { text.parse().map(Self) }
        }
    )+};
}

#[doc(hidden)]
pub use schemars::JsonSchema as __JsonSchema;
#[doc(hidden)]
pub use serde::{Deserialize as __Deserialize, Serialize as __Serialize};
#[doc(hidden)]
pub use uuid::{Error as __UuidError, Uuid as __Uuid};

macro_rules! shared_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        typed_id!($($(#[$doc])* $name),+);
        $(#[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                let format = utoipa::openapi::SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::Uuid);
                let text = utoipa::openapi::ObjectBuilder::new().schema_type(utoipa::openapi::schema::Type::String);
                text.format(Some(format)).into()
            }
        }
        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {})+
    };
}

shared_ids!(
    /// A customer account; what is billed.
    TenantId,
    /// A person.
    UserId,
    /// What a token lives by, its `sid`: one log-in of a user on one device, the secret of a client, or an API key.
    SessionId,
    /// A tenant's machine.
    ClientId,
    /// A key with which a program does some of what its owner may do.
    ApiKeyId,
    /// One tenant's copy of a service.
    InstanceId,
    /// One piece of background work.
    JobId,
    /// One message; the key under which its effect happens once.
    MessageId,
);

/// Who acts: a person or a machine, written `user:<uuid>` or `client:<id>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(into = "String", try_from = "String")]
#[schemars(with = "String")]
pub enum Principal {
    User(UserId),
    Client(String),
}

#[derive(Debug, thiserror::Error)]
#[error("a principal is written user:<uuid> or client:<id>")]
pub struct NotAPrincipal;

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user:{id}"),
            Self::Client(id) => write!(f, "client:{id}"),
        }
    }
}

impl FromStr for Principal {
    type Err = NotAPrincipal;
    fn from_str(text: &str) -> Result<Self, NotAPrincipal> {
        match text.split_once(':') {
            Some(("user", id)) => id.parse().map(Self::User).map_err(|_| NotAPrincipal),
            Some(("client", id)) if !id.is_empty() => Ok(Self::Client(id.to_owned())),
            _ => Err(NotAPrincipal),
        }
    }
}

impl From<ClientId> for Principal {
    fn from(client: ClientId) -> Self {
        Self::Client(client.to_string())
    }
}

impl From<Principal> for String {
    fn from(principal: Principal) -> Self {
        principal.to_string()
    }
}

impl TryFrom<String> for Principal {
    type Error = NotAPrincipal;
    fn try_from(text: String) -> Result<Self, NotAPrincipal> {
        text.parse()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Principal {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        <String as utoipa::PartialSchema>::schema()
    }
}
#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Principal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_reads_back_as_written() {
        for text in ["user:01890a5d-ac96-774b-bcce-b302099a8057", "client:forum"] {
            assert_eq!(text.parse::<Principal>().unwrap().to_string(), text);
        }
        for text in ["", "user:", "user:x", "client:", "robot:1"] {
            assert!(text.parse::<Principal>().is_err(), "{text}");
        }
    }
}
