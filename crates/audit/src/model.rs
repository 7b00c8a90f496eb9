//! Types of the audit: an entry as it is written and as it is read, which ones are meant, and what may be wrong.

use chrono::{DateTime, Utc};
use common::instant;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Entries that one page reads; what it finds among them may be fewer than a page has, or none, and then its cursor
/// leads on.
pub const READ_AT_ONCE: i64 = 10_000;

/// An entry without its place in a chain.
#[derive(Debug)]
pub struct Record {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub actor: String,
    pub action: &'static str,
    pub target: String,
    pub origin: Value,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

/// One change.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditEntry {
    /// Its place in the chain; there are no gaps.
    pub version: i64,
    pub at: DateTime<Utc>,
    /// `user:<uuid>` or `client:<id>`; `operator` for a command, `anonymous` for whoever has a link that was mailed.
    pub actor: String,
    #[schema(example = "grant.created")]
    pub action: String,
    pub target: String,
    /// From where: request, session, client and address, as far as they are known.
    #[schema(value_type = Object)]
    pub origin: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub before: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub after: Option<Value>,
    /// SHA-256 over this entry and the hash of the one before, in hexadecimal digits.
    pub hash: String,
}

/// Which entries are meant; filters are combined.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditFilter {
    /// Words that all stand somewhere in the entry, in any case; `"a phrase"`, `or`, and `-` before a word that does
    /// not.
    #[param(min_length = 1, max_length = 200)]
    pub q: Option<String>,
    /// Who did it: `user:<uuid>`, `client:<id>`, `operator` or `anonymous`.
    pub actor: Option<String>,
    /// What was done, such as `grant.created`.
    pub action: Option<String>,
    /// What it was done to, such as `role:<id>`.
    pub target: Option<String>,
    /// Whom or what it is about: the target, or a principal, role, name or permission in the entry's states before or
    /// after.
    pub about: Option<String>,
    /// From this instant on.
    #[serde(default, deserialize_with = "instant::optional")]
    pub since: Option<DateTime<Utc>>,
    /// Before this instant.
    #[serde(default, deserialize_with = "instant::optional")]
    pub until: Option<DateTime<Utc>>,
}

/// What is wrong with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Fault {
    /// It is not there.
    Missing,
    /// It is not what its hash was computed of.
    Changed,
    /// It does not follow the entry before, or nothing says that it belongs to the chain.
    Unlinked,
}

/// The first entry of a chain that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    pub version: i64,
    /// Of the row, if there is one.
    pub id: Option<Uuid>,
    pub fault: Fault,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "missing",
            Self::Changed => "changed",
            Self::Unlinked => "unlinked",
        })
    }
}
