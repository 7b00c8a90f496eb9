//! Relay of usage: triggers that the worker installed write rows beside the business fact; this takes them to the topic
//! `usage`.
//!
//! ```text
//! read rows, no lock ─ a few messages ─ send, no connection held ─┬─ confirmed: their rows are deleted by id
//!                                                                └─ not taken: put off, tried again behind all new
//! ```
//!
//! Two processes may send the same row, and one that is killed before it deletes leaves rows that are sent again, with
//! others beside them: billing counts each once by its key. So nothing is held while SNS is asked.

mod batches;
mod schedule;

use crate::database::Database;
use batches::{Batches, Source};
use common::problem::Chain;
use contracts::{
    http::instances::HostRecord,
    instance_database::{CONFIRM, TAKE},
};
use messaging::{Publisher, publisher::PublishError};
use schedule::{Batch, IdRange, Schedule};
use sqlx::{Row as _, postgres::PgRow};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::sync::CancellationToken;

/// Passes of all instances at once: each has a batch in memory and calls to SNS under way.
pub(crate) const PASSES: usize = 8;
/// Rows a pass: as many as one message has room for.
const BATCH: i64 = 1_000;
/// Bytes of a meter and its key together, more than billing takes; a longer row is not even read.
const LONGEST: i64 = 2_048;
/// Looks for rows this often even if no request woke it. Each look needs a connection, and a process may know thousands
/// of instances.
const SWEEP: Duration = Duration::from_secs(600);
/// After a pass that failed.
const RETRY: Duration = Duration::from_secs(2);

/// Relays the outbox of one instance.
pub(crate) struct Metering {
    source: Source,
    database: Database,
    publisher: Publisher,
    passes: Arc<Semaphore>,
    schedule: Schedule,
    gauge: Gauge,
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
            source: Source { instance, tenant, service },
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
                tracing::warn!(error = %Chain(error), instance_id = %self.source.instance,
                    "Usage cannot be relayed, so its rows wait");
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
        let instance_id = self.source.instance;
        tracing::warn!(error = %Chain(&error), row, rows = tried.left, refused, %instance_id,
            "Rows of usage were not taken; they are tried again behind all others");
        Ok((tried, None))
    }

    async fn take(&self, range: IdRange) -> sqlx::Result<Vec<PgRow>> {
        let mut connection = self.database.acquire_in_background().await?;
        sqlx::query(TAKE).bind(range.after).bind(range.upto).bind(LONGEST).bind(BATCH).fetch_all(&mut *connection).await
    }

    /// A row that is no usage fails alone; those of a message share what becomes of it.
    async fn send(&self, rows: &[PgRow]) -> sqlx::Result<Vec<Answer>> {
        let Batches { messages, rows, refused } = self.source.batches(rows)?;
        let refused = refused.into_iter().map(|(id, fault)| Answer { id, result: Err(PublishError::Refused(fault)) });
        let sent = self.publisher.publish_batch(&messages).await;
        let sent = rows
            .into_iter()
            .zip(sent)
            .flat_map(|(ids, result)| ids.into_iter().map(move |id| Answer { id, result: result.clone() }));
        Ok(refused.chain(sent).collect())
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
