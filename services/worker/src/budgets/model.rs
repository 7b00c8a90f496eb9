//! Budgets: what one is, and which there can be.

use chrono::{DateTime, Utc};
use common::problem::{FieldError, Problem};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// So many jobs of a tenant may be begun on one day (UTC). Each job counts once, however often it is tried.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Budget {
    pub tenant_id: Uuid,
    /// Absent means as many as there are.
    #[schema(example = 1000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jobs_per_day: Option<i32>,
    /// Jobs that were begun today.
    pub begun_today: i32,
    /// Goes up at each edit; 0 for a budget that nobody has set.
    pub revision: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_by: Option<String>,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct BudgetBody {
    /// 0 to 2,147,483,647: 0 lets none be begun. Absent means as many as there are.
    #[schema(example = 1000, minimum = 0, maximum = 2_147_483_647)]
    pub jobs_per_day: Option<u32>,
}

impl BudgetBody {
    pub fn check(&self) -> Result<Option<i32>, Problem> {
        let range = |_| FieldError::new("jobs_per_day", "out_of_range", format!("must be 0 to {}", i32::MAX));
        self.jobs_per_day.map(i32::try_from).transpose().map_err(|error| Problem::invalid(vec![range(error)]))
    }
}
