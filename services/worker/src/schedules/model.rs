//! Schedules: what one is, and which there can be.

use super::cron::Line;
use crate::rates::model::check_kind;
use chrono::{DateTime, Utc};
use common::problem::{FieldError, Problem};
use messaging::schema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

const LONGEST_NAME: usize = 100;
/// Bytes of a payload, as JSON.
const LARGEST_PAYLOAD: usize = 64 * 1024;

/// A job that is ordered at the times of a cron line.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Schedule {
    pub id: Uuid,
    pub name: String,
    /// Minute, hour, day of the month, month and day of the week, in UTC.
    #[schema(example = "30 3 * * *")]
    pub cron: String,
    #[schema(example = "instance.migrate")]
    pub kind: String,
    #[schema(example = 1)]
    pub version: i32,
    pub tenant_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<Uuid>,
    #[schema(value_type = Object)]
    pub payload: Value,
    /// When the next job is ordered, unless the schedule is paused.
    pub next_at: DateTime<Utc>,
    /// The time of the last tick that was ordered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_job_id: Option<Uuid>,
    pub paused: bool,
    pub revision: i32,
    pub updated_at: DateTime<Utc>,
    pub updated_by: String,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct ScheduleBody {
    /// For people; 1 to 100 bytes.
    #[schema(example = "Nightly report of Acme")]
    pub name: String,
    /// Minute, hour, day of the month, month and day of the week, in UTC.
    #[schema(example = "30 3 * * *")]
    pub cron: String,
    #[schema(example = "instance.migrate")]
    pub kind: String,
    /// Of the kind; absent means 1.
    #[serde(default = "first")]
    #[schema(default = 1, minimum = 1, maximum = 2_147_483_647)]
    pub version: u32,
    pub tenant_id: Uuid,
    #[serde(default)]
    pub instance_id: Option<Uuid>,
    /// What the job's handler takes, at most 64 KiB.
    #[schema(value_type = Object)]
    pub payload: Value,
    /// Nothing is ordered, and ticks that pass are not made up for.
    #[serde(default)]
    pub paused: bool,
}

fn first() -> u32 {
    1
}

impl ScheduleBody {
    /// When it is due next if it replaces `was`, which is locked: a tick that is due is not lost by an edit, none is
    /// ordered again, and those of a pause are not made up for.
    pub fn next(&self, was: &Schedule, now: DateTime<Utc>) -> Result<DateTime<Utc>, Problem> {
        if self.cron == was.cron && !was.paused {
            return Ok(was.next_at);
        }
        self.check(was.last_at.map_or(now, |last| last.max(now)))
    }

    /// When it is due first.
    pub fn check(&self, now: DateTime<Utc>) -> Result<DateTime<Utc>, Problem> {
        check_kind(&self.kind)?;
        let mut errors = Vec::new();
        if !(1..=LONGEST_NAME).contains(&self.name.len()) || self.name.contains('\0') {
            errors.push(FieldError::new("name", "malformed", "must have 1 to 100 bytes, and no NUL"));
        }
        if !(1..=i32::MAX.unsigned_abs()).contains(&self.version) {
            errors.push(FieldError::new("version", "out_of_range", "counts from 1"));
        }
        let too_large = self.payload.to_string().len() > LARGEST_PAYLOAD;
        if !self.payload.is_object() || too_large || schema::nul(&self.payload).is_some() {
            errors.push(FieldError::new("payload", "malformed", "must be an object of at most 64 KiB without NUL"));
        }
        let next = Line::parse(&self.cron, now).and_then(|line| line.next(now));
        match next {
            Ok(next) if errors.is_empty() => Ok(next),
            Ok(_) => Err(Problem::invalid(errors)),
            Err(unfit) => {
                errors.push(FieldError::new("cron", "malformed", unfit.to_string()));
                Err(Problem::invalid(errors))
            }
        }
    }
}
