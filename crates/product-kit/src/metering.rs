//! Metering: triggers that the worker installed write rows beside the business fact; they become messages on the topic
//! `usage`, as few as have room for them.

use crate::{
    database::Database,
    relay::{Batches, Outbox, Source, message_id, said_at},
};
use chrono::{DateTime, Utc};
use common::problem::Chain;
use contracts::{
    envelope::Envelope,
    instance_database::{CONFIRM_USAGE, TAKE_USAGE},
    messages::{Message, UsageBatchRecorded, UsageEvent},
};
use messaging::schema::{self, LARGEST_BODY};
use rust_decimal::Decimal;
use sqlx::{FromRow, Row as _, postgres::PgRow};
use tokio::sync::Notify;

/// For all of a message but its events.
const ENVELOPE_ROOM: usize = 1_000;

/// What an instance has used.
pub(crate) struct Usage;

impl Outbox for Usage {
    const ROWS: &'static str = "usage";
    const PUT_OFF: &'static str = "metering_rows_put_off";
    /// As many as one message has room for.
    const MOST: i64 = UsageBatchRecorded::MOST_EVENTS as i64;
    const TAKE: &'static str = TAKE_USAGE;
    const CONFIRM: &'static str = CONFIRM_USAGE;

    fn woken(database: &Database) -> &Notify {
        database.usage()
    }

    fn batches(source: &Source, rows: &[PgRow]) -> sqlx::Result<Batches> {
        source.batches(rows)
    }
}

#[derive(FromRow)]
struct Row {
    meter: Option<String>,
    key: Option<String>,
    quantity: Decimal,
    occurred_at: DateTime<Utc>,
}

/// Events of one message, and of which rows.
#[derive(Default)]
struct Open {
    events: Vec<UsageEvent>,
    ids: Vec<i64>,
    bytes: usize,
}

impl Open {
    fn has_room(&self, bytes: usize) -> bool {
        self.events.len() < UsageBatchRecorded::MOST_EVENTS && ENVELOPE_ROOM + self.bytes + bytes <= LARGEST_BODY
    }
}

impl Source {
    /// Each sound row in one message, in their order.
    fn batches(&self, rows: &[PgRow]) -> sqlx::Result<Batches> {
        let (mut batches, mut open) = (Batches::default(), Open::default());
        let Some(first) = rows.first() else { return Ok(batches) };
        let now = first.try_get("taken_at")?;
        for row in rows {
            let id = row.try_get("id")?;
            match Row::from_row(row).map_err(|fault| Chain(&fault).to_string()).and_then(|row| self.event(row)) {
                Ok((event, bytes)) => self.add(&mut batches, &mut open, now, (id, event, bytes)),
                Err(fault) => batches.refused.push((id, fault)),
            }
        }
        self.close(&mut batches, open, now);
        Ok(batches)
    }

    /// The row as an event, and how many bytes it takes; or why it is none.
    fn event(&self, row: Row) -> Result<(UsageEvent, usize), String> {
        let (Some(meter), Some(key)) = (row.meter, row.key) else {
            return Err("meter and key are longer than any usage".into());
        };
        let meter = format!("{}.{meter}", self.service);
        let event = UsageEvent { meter, key, quantity: row.quantity, occurred_at: row.occurred_at };
        let bytes = serde_json::to_vec(&event).map_err(|fault| fault.to_string())?.len() + ",".len();
        let alone = serde_json::to_value(self.data(vec![event.clone()])).map_err(|fault| fault.to_string())?;
        schema::check(UsageBatchRecorded::TYPE, &alone).map_err(|misfit| misfit.to_string())?;
        Ok((event, bytes))
    }

    fn data(&self, events: Vec<UsageEvent>) -> UsageBatchRecorded {
        UsageBatchRecorded { instance_id: self.instance, service: self.service.clone(), events }
    }

    fn add(
        &self,
        batches: &mut Batches,
        open: &mut Open,
        now: DateTime<Utc>,
        (id, event, bytes): (i64, UsageEvent, usize),
    ) {
        if !open.has_room(bytes) {
            self.close(batches, std::mem::take(open), now);
        }
        open.events.push(event);
        open.ids.push(id);
        open.bytes += bytes;
    }

    fn close(&self, batches: &mut Batches, open: Open, now: DateTime<Utc>) {
        let Some(first) = open.events.first() else { return };
        let time = said_at(first.occurred_at, now);
        let id = message_id(time, &format!("{} {:?}", self.instance, open.events));
        match Envelope::new(id, time, &self.service, Some(self.tenant), &self.data(open.events)) {
            Ok(envelope) => {
                batches.messages.push((UsageBatchRecorded::TOPIC, envelope));
                batches.rows.push(open.ids);
            }
            Err(fault) => batches.refused.extend(open.ids.into_iter().map(|id| (id, fault.to_string()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use contracts::id::{InstanceId, TenantId};

    fn source() -> Source {
        let id = uuid::Uuid::nil();
        Source { instance: InstanceId(id), tenant: TenantId(id), service: "forum".into() }
    }

    fn row(key: &str) -> Row {
        let (meter, key) = (Some("posts".to_owned()), Some(key.to_owned()));
        Row { meter, key, quantity: Decimal::ONE, occurred_at: at() }
    }

    fn at() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    /// As rows with these keys, numbered from 0.
    fn batched(keys: impl IntoIterator<Item = String>) -> Batches {
        let (source, mut batches, mut open) = (source(), Batches::default(), Open::default());
        for (id, key) in (0..).zip(keys) {
            let (event, bytes) = source.event(row(&key)).unwrap();
            source.add(&mut batches, &mut open, at(), (id, event, bytes));
        }
        source.close(&mut batches, open, at());
        batches
    }

    #[test]
    fn a_message_is_full_by_number_or_by_bytes_and_always_fits() {
        let short = batched((0..2_001).map(|number| format!("posts:{number}")));
        assert_eq!(short.rows.iter().map(Vec::len).collect::<Vec<_>>(), [1_000, 1_000, 1]);
        // Each of these characters has four bytes, and the key as many as a key may have.
        let long = batched((0..1_000).map(|number| format!("{number:04}{}", "\u{1f4ac}".repeat(214))));
        assert!(long.rows.len() > 3, "{}", long.rows.len());
        assert_eq!(long.rows.concat(), (0..1_000).collect::<Vec<_>>());
        for (_, envelope) in short.messages.iter().chain(&long.messages) {
            assert_eq!(schema::check(&envelope.kind, &envelope.data), Ok(()));
            assert!(serde_json::to_vec(envelope).unwrap().len() <= LARGEST_BODY);
        }
    }

    #[test]
    fn what_is_no_usage_fails_alone() {
        let event = |row| source().event(row).map(drop).unwrap_err();
        assert_eq!(event(row(&"x".repeat(219))), "/events/0/key: maxLength");
        assert_eq!(event(Row { key: None, ..row("") }), "meter and key are longer than any usage");
        assert_eq!(event(Row { quantity: Decimal::MAX, ..row("k") }), "/events/0/quantity: pattern");
        let late = DateTime::from_timestamp(300_000_000_000, 0).unwrap();
        assert_eq!(event(Row { occurred_at: late, ..row("k") }), "/events/0/occurred_at: format");
    }

    #[test]
    fn the_same_rows_are_the_same_message() {
        let ids = |keys: [&str; 2]| batched(keys.map(str::to_owned)).messages[0].1.id;
        assert_eq!(ids(["a", "b"]), ids(["a", "b"]));
        assert_ne!(ids(["a", "b"]), ids(["a", "c"]));
        assert_eq!(ids(["a", "b"]).0.get_version_num(), 7);
    }

    #[test]
    fn what_was_written_at_another_time_is_said_now() {
        let (source, mut batches) = (source(), Batches::default());
        let (event, bytes) = source.event(row("k")).unwrap();
        let now = at() + TimeDelta::days(40);
        let mut open = Open::default();
        source.add(&mut batches, &mut open, now, (1, event, bytes));
        source.close(&mut batches, open, now);
        assert_eq!(batches.messages[0].1.time, now);
    }
}
