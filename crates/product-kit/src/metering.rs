//! Relay of usage: triggers that the worker installed write rows beside the business fact; this takes them to the topic
//! `usage`.
//!
//! ```text
//! read a batch, no lock ─ send, no connection held ─┬─ confirmed: deleted by id
//!                                                  └─ not taken: put off, and tried again behind all that is new
//! ```
//!
//! Two processes may send the same row: it is the same message, which billing counts once. So nothing is held while SNS
//! is asked.

mod schedule;

use crate::database::Database;
use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, Utc};
use common::problem::Chain;
use contracts::{
    envelope::Envelope,
    http::instances::HostRecord,
    id::{InstanceId, MessageId, TenantId},
    instance_database::{CONFIRM, TAKE},
    messages::{Message, UsageRecorded},
    topology::Topic,
};
use messaging::{Publisher, publisher::PublishError};
use rust_decimal::Decimal;
use schedule::{Batch, IdRange, Schedule};
use sqlx::{FromRow, Row as _, postgres::PgRow};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::sync::CancellationToken;

/// Passes of all instances at once: each has a batch in memory and calls to SNS under way.
pub(crate) const PASSES: usize = 8;
/// Rows a pass; ten batches of SNS.
const BATCH: i64 = 100;
/// Bytes of a meter and its key together. SNS takes no message as long as that (256 KiB), so a longer row is not even
/// read.
const LONGEST: i64 = 262_144;
/// Looks for rows this often even if no request woke it. Each look needs a connection, and a process may know thousands
/// of instances.
const SWEEP: Duration = Duration::from_secs(600);
/// After a pass that failed.
const RETRY: Duration = Duration::from_secs(2);

/// Relays the outbox of one instance.
pub(crate) struct Metering {
    instance: InstanceId,
    tenant: TenantId,
    service: String,
    database: Database,
    publisher: Publisher,
    passes: Arc<Semaphore>,
    schedule: Schedule,
    gauge: Gauge,
}

#[derive(FromRow)]
struct Row {
    meter: Option<String>,
    key: Option<String>,
    quantity: Decimal,
    occurred_at: DateTime<Utc>,
}

/// A pass was abandoned; what SNS has not confirmed is still there.
#[derive(Debug, thiserror::Error)]
enum PassError {
    #[error("the instance's outbox cannot be read or written")]
    Database(#[from] sqlx::Error),
    #[error("SNS takes nothing")]
    Outage(#[source] PublishError),
}

/// What became of a row.
struct Answer {
    id: i64,
    result: Result<(), PublishError>,
}

impl Metering {
    /// `passes` bounds those of all instances together.
    pub fn new(record: &HostRecord, database: &Database, publisher: Publisher, passes: Arc<Semaphore>) -> Self {
        let (instance, tenant, service) = (record.instance_id, record.tenant_id, record.service.clone());
        Self {
            instance,
            tenant,
            service,
            database: database.clone(),
            publisher,
            passes,
            schedule: Schedule::default(),
            gauge: Gauge(0),
        }
    }

    /// Runs until `shutdown` or until the instance is forgotten. The first pass sweeps up what an earlier process left.
    pub async fn run(mut self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() && !self.database.forgotten().is_cancelled() {
            let Some(Ok(pass)) = shutdown.run_until_cancelled(Arc::clone(&self.passes).acquire_owned()).await else {
                break;
            };
            let passed = self.next().await;
            drop(pass);
            self.gauge.set(self.schedule.put_off());
            if let Err(error) = &passed {
                tracing::warn!(error = %Chain(error), instance_id = %self.instance, "Usage cannot be relayed, so its \
                    rows wait");
            }
            let (wakes, pause) = match passed {
                Ok(true) => continue,
                Ok(false) => (
                    true,
                    self.schedule.due().map_or(SWEEP, |due| due.saturating_duration_since(Instant::now()).min(SWEEP)),
                ),
                Err(_) => (false, RETRY),
            };
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = self.database.forgotten().cancelled() => {}
                () = self.database.woken(), if wakes => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// New rows, and if there are not many, also a batch of those in trouble that are due.
    /// Says whether there is more to do at once.
    async fn next(&mut self) -> Result<bool, PassError> {
        let (tried, outage) = self.pass(self.schedule.fresh()).await?;
        self.schedule.tried_fresh(&tried, Instant::now());
        outage.map_or(Ok(()), |error| Err(PassError::Outage(error)))?;
        if tried.full {
            return Ok(true);
        }
        let Some(due) = self.schedule.again(Instant::now()) else { return Ok(false) };
        let (tried, outage) = self.pass(due).await?;
        self.schedule.tried_again(&tried, Instant::now());
        outage.map_or(Ok(true), |error| Err(PassError::Outage(error)))
    }

    /// Reads a batch, sends it, deletes what was confirmed; gives an error if SNS took nothing and refused nothing.
    /// A crash in between sends the same ids again.
    ///
    /// No `FOR UPDATE SKIP LOCKED`: that needs the right to update; the product's role may only read and delete here.
    async fn pass(&self, range: IdRange) -> Result<(Batch, Option<PublishError>), PassError> {
        let rows = self.take(range).await?;
        let answers = self.send(&rows).await?;
        let confirmed: Vec<i64> =
            answers.iter().filter(|answer| answer.result.is_ok()).map(|answer| answer.id).collect();
        if !confirmed.is_empty() {
            sqlx::query(CONFIRM).bind(&confirmed).execute(&mut *self.database.acquire_in_background().await?).await?;
        }
        let left: Vec<(i64, PublishError)> =
            answers.into_iter().filter_map(|answer| Some((answer.id, answer.result.err()?))).collect();
        let last = rows.last().map(|row| row.try_get("id")).transpose()?;
        let tried = Batch { last, left: left.len() as u64, full: rows.len() as i64 == BATCH };
        let refused = left.iter().filter(|(_, error)| matches!(error, PublishError::Refused(_))).count();
        let Some((row, error)) = left.into_iter().next() else { return Ok((tried, None)) };
        if confirmed.is_empty() && refused == 0 {
            return Ok((tried, Some(error)));
        }
        let instance_id = self.instance;
        tracing::warn!(error = %Chain(&error), row, rows = tried.left, refused, %instance_id,
            "Rows of usage were not taken; they are tried again behind all others");
        Ok((tried, None))
    }

    async fn take(&self, range: IdRange) -> sqlx::Result<Vec<PgRow>> {
        let mut connection = self.database.acquire_in_background().await?;
        sqlx::query(TAKE).bind(range.after).bind(range.upto).bind(LONGEST).bind(BATCH).fetch_all(&mut *connection).await
    }

    /// A row that is no usage fails alone.
    async fn send(&self, rows: &[PgRow]) -> sqlx::Result<Vec<Answer>> {
        let (mut answers, mut sound, mut messages) = (Vec::new(), Vec::new(), Vec::<(Topic, Envelope)>::new());
        for row in rows {
            let id = row.try_get("id")?;
            match self.envelope(row) {
                Ok(envelope) => {
                    sound.push(id);
                    messages.push((UsageRecorded::TOPIC, envelope));
                }
                Err(fault) => answers.push(Answer { id, result: Err(PublishError::Refused(fault)) }),
            }
        }
        let sent = self.publisher.publish_batch(&messages).await;
        answers.extend(sound.into_iter().zip(sent).map(|(id, result)| Answer { id, result }));
        Ok(answers)
    }

    fn envelope(&self, row: &PgRow) -> Result<Envelope, String> {
        let row = Row::from_row(row).map_err(|fault| Chain(&fault).to_string())?;
        let (Some(meter), Some(key)) = (row.meter, row.key) else {
            return Err(format!("meter and key have more than {LONGEST} bytes"));
        };
        // A tenant may have two instances, and both may count their rows from 1.
        let key = format!("{}:{key}", self.instance);
        let meter = format!("{}.{meter}", self.service);
        let usage = UsageRecorded {
            instance_id: self.instance,
            service: self.service.clone(),
            meter,
            quantity: row.quantity,
            occurred_at: row.occurred_at,
            key,
        };
        let envelope = Envelope::new(message_id(&usage), row.occurred_at, &self.service, Some(self.tenant), &usage);
        envelope.map_err(|fault| fault.to_string())
    }
}

/// What one instance adds to the gauge of the process; taken back when the instance is forgotten.
struct Gauge(u64);

impl Gauge {
    fn set(&mut self, rows: u64) {
        let gauge = metrics::gauge!("metering_rows_put_off");
        gauge.increment(rows as f64 - self.0 as f64);
        self.0 = rows;
    }
}

impl Drop for Gauge {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// The same usage has the same message id however often it is sent: a UUIDv7 of its time whose random part is a hash of
/// its key.
fn message_id(usage: &UsageRecorded) -> MessageId {
    let hash = digest(&SHA256, format!("{}:{}", usage.meter, usage.key).as_bytes());
    let mut unpredictable = [0; 10];
    unpredictable.copy_from_slice(&hash.as_ref()[..10]);
    let millis = usage.occurred_at.timestamp_millis().try_into().unwrap_or_default();
    MessageId(uuid::Builder::from_unix_timestamp_millis(millis, &unpredictable).into_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(key: &str) -> UsageRecorded {
        UsageRecorded {
            instance_id: InstanceId(uuid::Uuid::nil()),
            service: "forum".into(),
            meter: "forum.posts".into(),
            key: key.into(),
            quantity: Decimal::ONE,
            occurred_at: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
        }
    }

    #[test]
    fn the_same_usage_is_the_same_message() {
        assert_eq!(message_id(&usage("a")), message_id(&usage("a")));
        assert_ne!(message_id(&usage("a")), message_id(&usage("b")));
        assert_eq!(message_id(&usage("a")).0.get_version_num(), 7);
    }
}
