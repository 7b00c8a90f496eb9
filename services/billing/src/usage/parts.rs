//! Parts: what a cycle takes of a meter, added up while its events pass by. Pure.

use super::window::{Area, Areas};
use crate::{
    calendar::Span,
    invoices::model::{Input, Sum, Tally},
    plans::price_list::Terms,
    pricing::TooLarge,
};
use chrono::{DateTime, TimeDelta, Utc};
use contracts::id::InstanceId;
use std::collections::HashMap;
use uuid::Uuid;

/// A metered event, as it is kept.
pub struct Event {
    pub seq: i64,
    pub service: String,
    pub input: Input,
}

/// Events of one meter of one instance, of one area.
pub struct Part {
    pub service: String,
    pub meter: String,
    pub instance_id: InstanceId,
    pub area: Area,
    pub first_id: Uuid,
    pub last_id: Uuid,
    pub sum: Sum,
}

/// A part with its id, as far as a line looks at it.
pub struct KeptPart {
    pub id: Uuid,
    pub meter: String,
    pub instance_id: InstanceId,
    /// The moment that says what it costs: where its time ends.
    pub last: DateTime<Utc>,
    pub period: Span,
    pub sum: Sum,
}

impl KeptPart {
    pub fn new(id: Uuid, part: &Part) -> Self {
        let Part { meter, instance_id, area, sum, .. } = part;
        let (last, period) = (area.times.until - TimeDelta::microseconds(1), area.period);
        Self { id, meter: meter.clone(), instance_id: *instance_id, last, period, sum: sum.clone() }
    }
}

/// The parts of a window.
pub struct Parts {
    areas: Areas,
    open: HashMap<(String, InstanceId, Area), OpenPart>,
}

struct OpenPart {
    service: String,
    first_id: Uuid,
    last_id: Uuid,
    tally: Tally,
}

impl Parts {
    pub fn new(areas: Areas) -> Self {
        Self { areas, open: HashMap::new() }
    }

    /// Adds an event that the window takes; they come in the order of their ids.
    pub fn add(&mut self, event: &Event) -> Result<(), TooLarge> {
        let Input::Event { id, instance_id, ref meter, occurred_at, .. } = event.input else { return Ok(()) };
        let area = self.areas.of(&event.service, event.seq, occurred_at);
        let part = self.open.entry((meter.clone(), instance_id, area)).or_insert_with(|| OpenPart {
            service: event.service.clone(),
            first_id: id,
            last_id: id,
            tally: Tally::default(),
        });
        part.last_id = id;
        part.tally.add(&event.input)
    }

    pub fn terms(&self) -> &Terms {
        self.areas.terms()
    }

    /// In an order that does not depend on how they were added up.
    pub fn finish(self) -> Vec<Part> {
        let mut parts: Vec<_> = self
            .open
            .into_iter()
            .map(|((meter, instance_id, area), OpenPart { service, first_id, last_id, tally })| Part {
                service,
                meter,
                instance_id,
                area,
                first_id,
                last_id,
                sum: tally.finish(),
            })
            .collect();
        parts.sort_unstable_by(|one, other| {
            (&one.meter, one.instance_id, one.area).cmp(&(&other.meter, other.instance_id, other.area))
        });
        parts
    }
}
