//! An account as its tenant sees and edits it.

use super::details::{Details, NewDetails};
use crate::{
    calendar::{AnchorDay, TimeZone},
    currency::Currency,
};
use chrono::{DateTime, Utc};
use common::problem::{FieldError, Problem};
use contracts::id::TenantId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a tenant is billed.
#[derive(Debug, Serialize, ToSchema)]
pub struct BillingAccount {
    pub tenant_id: TenantId,
    /// The tenant's.
    #[schema(example = "Acme")]
    pub name: String,
    /// Where invoices go, unless `details` have an address of their own.
    #[schema(example = "ada@acme.example")]
    pub email: String,
    /// ISO 4217. It stays as it is.
    #[schema(value_type = String, example = "EUR")]
    pub currency: Currency,
    /// By whose clocks cycles begin at midnight: a name of the IANA time zone database.
    #[schema(example = "Europe/Berlin")]
    pub time_zone: String,
    /// The day of the month on which cycles begin; the last one of a month that is too short.
    #[schema(example = 1, minimum = 1, maximum = 31)]
    pub anchor_day: i16,
    /// When the open cycle is planned to end. `time_zone` and `anchor_day` hold for those that come after it.
    pub next_cycle_at: DateTime<Utc>,
    /// Absent until the tenant has given them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Details>,
    /// Goes up at each edit; 0 for an account that nobody has edited.
    pub revision: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<DateTime<Utc>>,
    /// The principal who edited it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_by: Option<String>,
}

/// All that a tenant may edit; what is left out is removed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountBody {
    /// A name of the IANA time zone database.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
    #[schema(example = 1, minimum = 1, maximum = 31)]
    anchor_day: u32,
    details: NewDetails,
}

/// A body that was checked.
pub struct Edit {
    pub time_zone: TimeZone,
    pub anchor_day: AnchorDay,
    pub details: Details,
}

impl AccountBody {
    /// # Errors
    /// 422 with every field that is wrong.
    pub fn check(self) -> Result<Edit, Problem> {
        let mut errors = Vec::new();
        let time_zone = self.time_zone.parse::<TimeZone>();
        let zone = time_zone.map_err(|error| errors.push(FieldError::new("time_zone", "unknown", error.to_string())));
        let day = AnchorDay::try_from(self.anchor_day);
        let day = day.map_err(|error| errors.push(FieldError::new("anchor_day", "out_of_range", error.to_string())));
        match (zone, day, self.details.check(&mut errors)) {
            (Ok(time_zone), Ok(anchor_day), Some(details)) => Ok(Edit { time_zone, anchor_day, details }),
            _ => Err(Problem::invalid(errors)),
        }
    }
}
