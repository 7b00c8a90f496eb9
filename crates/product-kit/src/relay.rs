//! Relay of an instance's outboxes: takes their rows to the platform's topics.
//!
//! ```text
//! read rows, no lock ─ a few messages ─ send, no connection held ─┬─ confirmed: their rows are deleted by id
//!                                                                └─ not taken: put off, tried again behind all new
//! ```
//!
//! Two processes may send the same row, and one that is killed before it deletes leaves rows that are sent again, with
//! others beside them: usage counts once by its key, and an order is one job by its id. So nothing is held while SNS is
//! asked.

mod message;
mod schedule;

use crate::database::Database;
use common::problem::Chain;
use contracts::{
    envelope::Envelope,
    http::instances::HostRecord,
    id::{InstanceId, TenantId},
    topology::Topic,
};
pub(crate) use message::{message_id, said_at};
use messaging::{Publisher, publisher::PublishError};
use schedule::{Batch, IdRange, Schedule};
use sqlx::{Row as _, postgres::PgRow};
use std::{marker::PhantomData, sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, Semaphore},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// Passes of all instances at once: each has a batch in memory and calls to SNS under way.
pub(crate) const PASSES: usize = 8;
/// Looks for rows this often even if nothing woke it. Each look needs a connection, and a process may know thousands of
/// instances.
const SWEEP: Duration = Duration::from_secs(600);
/// After a pass that failed.
const RETRY: Duration = Duration::from_secs(2);
/// SQLSTATE of a table that is not there.
const UNDEFINED_TABLE: &str = "42P01";

/// Whose rows they are.
#[derive(Clone)]
pub(crate) struct Source {
    pub instance: InstanceId,
    pub tenant: TenantId,
    pub service: String,
}

impl Source {
    pub fn of(record: &HostRecord) -> Self {
        Self { instance: record.instance_id, tenant: record.tenant_id, service: record.service.clone() }
    }
}

/// What becomes of rows.
#[derive(Default)]
pub(crate) struct Batches {
    pub messages: Vec<(Topic, Envelope)>,
    /// The ids of the rows in each.
    pub rows: Vec<Vec<i64>>,
    /// Rows that no message can be made of, and why.
    pub refused: Vec<(i64, String)>,
}

/// A table of rows that become messages.
pub(crate) trait Outbox: Send + Sync + 'static {
    /// What its rows are called in the log.
    const ROWS: &'static str;
    /// Counts the rows that are put off, of all instances.
    const PUT_OFF: &'static str;
    /// Rows a pass.
    const MOST: i64;
    /// Rows with an id above $1 and at most $2, in order; at most $3.
    const TAKE: &'static str;
    /// Deletes the rows with the ids $1.
    const CONFIRM: &'static str;

    /// Told when there may be rows.
    fn woken(database: &Database) -> &Notify;

    /// Each sound row in one message, in their order.
    fn batches(source: &Source, rows: &[PgRow]) -> sqlx::Result<Batches>;
}

/// Relays an outbox of one instance.
pub(crate) struct Relay<O> {
    outbox: PhantomData<O>,
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

impl<O: Outbox> Relay<O> {
    /// `passes` bounds those of all instances together.
    pub fn new(source: Source, database: &Database, publisher: Publisher, passes: Arc<Semaphore>) -> Self {
        Self {
            outbox: PhantomData,
            source,
            database: database.clone(),
            publisher,
            passes,
            schedule: Schedule::default(),
            gauge: Gauge { name: O::PUT_OFF, rows: 0 },
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
                tracing::warn!(error = %Chain(error), instance_id = %self.source.instance, rows = O::ROWS,
                    "Rows of an outbox cannot be relayed, so they wait");
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
                () = O::woken(&self.database).notified(), if wakes => {}
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
            let mut connection = self.database.acquire_in_background().await?;
            sqlx::query(O::CONFIRM).bind(&confirmed).execute(&mut *connection).await?;
        }
        let left: Vec<(i64, PublishError)> =
            answers.into_iter().filter_map(|answer| Some((answer.id, answer.result.err()?))).collect();
        let last = rows.last().map(|row| row.try_get("id")).transpose()?;
        let tried = Batch { last, left: left.len() as u64, full: rows.len() as i64 == O::MOST };
        let refused = left.iter().filter(|(_, error)| matches!(error, PublishError::Refused(_))).count();
        let Some((row, error)) = left.into_iter().next() else { return Ok((tried, None)) };
        if confirmed.is_empty() && refused == 0 {
            return Ok((tried, Some(error)));
        }
        let instance_id = self.source.instance;
        tracing::warn!(error = %Chain(&error), row, rows = O::ROWS, left = tried.left, refused, %instance_id,
            "Rows of an outbox were not taken; they are tried again behind all others");
        Ok((tried, None))
    }

    async fn take(&self, range: IdRange) -> sqlx::Result<Vec<PgRow>> {
        let mut connection = self.database.acquire_in_background().await?;
        let rows = sqlx::query(O::TAKE).bind(range.after).bind(range.upto).bind(O::MOST);
        match rows.fetch_all(&mut *connection).await {
            // An instance that no worker of this version has migrated yet.
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(UNDEFINED_TABLE) => Ok(Vec::new()),
            rows => rows,
        }
    }

    /// A row that no message can be made of fails alone; those of a message share what becomes of it.
    async fn send(&self, rows: &[PgRow]) -> sqlx::Result<Vec<Answer>> {
        let Batches { messages, rows, refused } = O::batches(&self.source, rows)?;
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
struct Gauge {
    name: &'static str,
    rows: u64,
}

impl Gauge {
    fn set(&mut self, rows: u64) {
        let gauge = metrics::gauge!(self.name);
        gauge.increment(rows as f64 - self.rows as f64);
        self.rows = rows;
    }
}

impl Drop for Gauge {
    fn drop(&mut self) {
        self.set(0);
    }
}
