//! How does what was used reach billing? Triggers that the platform installed write rows beside the business fact; this takes them to the `usage` topic.

use crate::{databases::Database, directory::HostRecord};
use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, Utc};
use common::problem::Chain;
use contracts::{
    envelope::Envelope,
    id::{InstanceId, MessageId, TenantId},
    messages::{Message, UsageRecorded},
    topology::Topic,
};
use messaging::{Publisher, publisher::PublishError};
use rust_decimal::Decimal;
use sqlx::FromRow;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Rows a transaction; ten batches of SNS.
const BATCH: i64 = 100;
/// Looks for rows this often even if no request woke it. Each look needs a connection, and a process may know thousands of instances.
const SWEEP: Duration = Duration::from_secs(600);
/// After a pass that failed, or while another process relays the same outbox.
const RETRY: Duration = Duration::from_secs(2);
/// "meter" in ASCII: the advisory lock of whoever relays this database's outbox.
const LOCK: i64 = 0x6d65746572;

const TRY_LOCK: &str = "SELECT pg_try_advisory_xact_lock($1)";
const TAKE: &str = "SELECT id, meter, key, quantity, occurred_at FROM platform.outbox ORDER BY id LIMIT $1";
const CONFIRM: &str = "DELETE FROM platform.outbox WHERE id = ANY($1)";

/// Relays the outbox of one instance.
pub(crate) struct Metering {
    instance: InstanceId,
    tenant: TenantId,
    service: String,
    database: Database,
    publisher: Publisher,
}

#[derive(FromRow)]
struct Row {
    id: i64,
    meter: String,
    key: String,
    quantity: Decimal,
    occurred_at: DateTime<Utc>,
}

/// A pass was abandoned; what SNS has not confirmed is still there.
#[derive(Debug, thiserror::Error)]
enum Abandoned {
    #[error("the instance's outbox cannot be read or written")]
    Database(#[from] sqlx::Error),
    #[error("a row cannot be written as a message")]
    Serialize(#[from] serde_json::Error),
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// What a pass came to.
enum Pass {
    /// There is more where this came from.
    Full,
    Emptied,
    /// Another process holds the lock; it may have looked before our rows were there.
    Held,
}

impl Metering {
    pub fn new(record: &HostRecord, database: &Database, publisher: Publisher) -> Self {
        let database = database.clone();
        Self { instance: record.instance_id, tenant: record.tenant_id, service: record.service.clone(), database, publisher }
    }

    /// Runs until `shutdown` or until the instance is forgotten. The first pass sweeps up what an earlier process left.
    pub async fn run(self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() && !self.database.forgotten().is_cancelled() {
            let pass = self.pass().await;
            if let Err(error) = &pass {
                tracing::warn!(error = %Chain(error), instance_id = %self.instance, "usage could not be relayed; its rows wait");
            }
            let pause = match pass {
                Ok(Pass::Full) => continue,
                Ok(Pass::Emptied) => SWEEP,
                Ok(Pass::Held) | Err(_) => RETRY,
            };
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = self.database.forgotten().cancelled() => {}
                () = self.database.woken(), if pause == SWEEP => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Takes a batch under the lock, sends it, deletes what was confirmed. A crash in between sends the same ids again.
    ///
    /// A lock instead of `FOR UPDATE SKIP LOCKED`: that needs the right to update, and the product's role may only read and delete here.
    async fn pass(&self) -> Result<Pass, Abandoned> {
        let mut tx = self.database.begin_in_background().await?;
        if !sqlx::query_scalar::<_, bool>(TRY_LOCK).bind(LOCK).fetch_one(&mut *tx).await? {
            return Ok(Pass::Held);
        }
        let rows: Vec<Row> = sqlx::query_as(TAKE).bind(BATCH).fetch_all(&mut *tx).await?;
        if rows.is_empty() {
            return Ok(Pass::Emptied);
        }
        let messages = rows.iter().map(|row| Ok((UsageRecorded::TOPIC, self.envelope(row)?))).collect::<Result<Vec<(Topic, Envelope)>, Abandoned>>()?;
        let answers = self.publisher.publish_batch(&messages).await;
        let confirmed: Vec<i64> = rows.iter().zip(&answers).filter(|(_, answer)| answer.is_ok()).map(|(row, _)| row.id).collect();
        sqlx::query(CONFIRM).bind(&confirmed).execute(&mut *tx).await?;
        tx.commit().await?;
        answers.into_iter().collect::<Result<(), _>>()?;
        Ok(if rows.len() as i64 == BATCH { Pass::Full } else { Pass::Emptied })
    }

    fn envelope(&self, row: &Row) -> Result<Envelope, serde_json::Error> {
        // A tenant may have two instances, and both may count their rows from 1.
        let key = format!("{}:{}", self.instance, row.key);
        let usage = UsageRecorded {
            instance_id: self.instance,
            service: self.service.clone(),
            meter: format!("{}.{}", self.service, row.meter),
            quantity: row.quantity,
            occurred_at: row.occurred_at,
            key,
        };
        Envelope::new(message_id(&usage), row.occurred_at, &self.service, Some(self.tenant), &usage)
    }
}

/// The same usage has the same message id however often it is sent: a UUIDv7 of its time whose random part is a hash of its key.
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
