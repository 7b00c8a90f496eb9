//! Parts: what a cycle takes of a meter, added up while its events pass by. Pure.

use super::window::{Area, Areas, Span};
use crate::invoices::model::{Input, Sum, Tally, TooLarge};
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
        let area = self.areas.of(instance_id, event.seq, occurred_at);
        let part = self.open.entry((meter.clone(), instance_id, area)).or_insert_with(|| OpenPart {
            service: event.service.clone(),
            first_id: id,
            last_id: id,
            tally: Tally::default(),
        });
        part.last_id = id;
        part.tally.add(&event.input)
    }

    pub fn versions(&self) -> &HashMap<InstanceId, Vec<Span>> {
        self.areas.versions()
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
