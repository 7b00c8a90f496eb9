//! Rates: what one is, and which there can be.

use chrono::{DateTime, Utc};
use common::problem::{FieldError, Problem};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Longest name of a kind, in bytes.
const LONGEST_KIND: usize = 100;
/// A rate higher than this is none.
const MOST_JOBS: u32 = 1_000_000;
/// A day; what is to be rarer is a schedule.
const MOST_SECONDS: u32 = 86_400;

/// So many jobs of a kind may be begun for one tenant in so many seconds, evenly.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Rate {
    /// Tells its place in the list; absent for a rate that nobody has set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    #[schema(example = "instance.seed")]
    pub kind: String,
    /// Absent for the rate of each tenant that has none of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<Uuid>,
    /// Absent means as many as there are.
    #[schema(example = 10)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jobs: Option<i32>,
    #[schema(example = 60)]
    pub seconds: i32,
    /// Goes up at each edit; 0 for a rate that nobody has set.
    pub revision: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_by: Option<String>,
}

impl Rate {
    pub fn unset(kind: String, tenant_id: Option<Uuid>) -> Self {
        Self { id: None, kind, tenant_id, jobs: None, seconds: 1, revision: 0, updated_at: None, updated_by: None }
    }
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct RateBody {
    /// 1 to 1,000,000; absent means as many as there are.
    #[schema(example = 10, minimum = 1, maximum = 1_000_000)]
    pub jobs: Option<u32>,
    /// In how many seconds, 1 to 86,400.
    #[schema(example = 60, minimum = 1, maximum = 86_400)]
    pub seconds: u32,
}

impl RateBody {
    pub fn check(&self) -> Result<(), Problem> {
        let mut errors = Vec::new();
        if self.jobs.is_some_and(|jobs| !(1..=MOST_JOBS).contains(&jobs)) {
            errors.push(FieldError::new("jobs", "out_of_range", format!("must be 1 to {MOST_JOBS}")));
        }
        if !(1..=MOST_SECONDS).contains(&self.seconds) {
            errors.push(FieldError::new("seconds", "out_of_range", format!("must be 1 to {MOST_SECONDS}")));
        }
        if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
    }
}

/// A kind as it could be: of letters, digits, `.`, `-` and `_`.
pub(crate) fn check_kind(kind: &str) -> Result<(), Problem> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    if (1..=LONGEST_KIND).contains(&kind.len()) && kind.bytes().all(plain) {
        return Ok(());
    }
    Err(Problem::invalid(vec![FieldError::new("kind", "malformed", "must be letters, digits, '.', '-' and '_'")]))
}
