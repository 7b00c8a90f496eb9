//! Columns of many metered events at once, as `UNNEST` takes them.

use chrono::{DateTime, Utc};
use common::ambient::Ambient;
use contracts::messages::UsageRecorded;
use rust_decimal::Decimal;
use std::collections::HashSet;
use uuid::Uuid;

/// How an event was received.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Receipt {
    New,
    /// The same key and the same body: no effect.
    Duplicate,
    /// The same key with another body: no effect, and somebody must look.
    Conflict,
}

/// Events by column.
pub(super) struct Columns {
    pub ids: Vec<Uuid>,
    pub services: Vec<String>,
    pub keys: Vec<String>,
    pub instances: Vec<Uuid>,
    pub meters: Vec<String>,
    pub quantities: Vec<Decimal>,
    pub times: Vec<DateTime<Utc>>,
}

impl Columns {
    /// Each event under a new id.
    pub fn of(ambient: &Ambient, events: &[&UsageRecorded]) -> Self {
        Self {
            ids: events.iter().map(|_| ambient.uuid()).collect(),
            services: events.iter().map(|event| event.service.clone()).collect(),
            keys: events.iter().map(|event| event.key.clone()).collect(),
            instances: events.iter().map(|event| event.instance_id.0).collect(),
            meters: events.iter().map(|event| event.meter.clone()).collect(),
            quantities: events.iter().map(|event| event.quantity).collect(),
            times: events.iter().map(|event| event.occurred_at).collect(),
        }
    }

    /// One receipt an event: new are those with these ids, and the same are those at these places, counted from 1.
    pub fn receipts(&self, new: &HashSet<Uuid>, same: &HashSet<i64>) -> Vec<Receipt> {
        let receipt = |(place, id): (i64, &Uuid)| match (new.contains(id), same.contains(&place)) {
            (true, _) => Receipt::New,
            (false, true) => Receipt::Duplicate,
            (false, false) => Receipt::Conflict,
        };
        (1..).zip(&self.ids).map(receipt).collect()
    }
}
