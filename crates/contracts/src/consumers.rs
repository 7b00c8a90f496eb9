//! What a consumer tells of itself, in Redis: a hash for each queue and minute, with a field for each process. Whoever
//! dies is in no later hash, and a hash expires by itself.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How often each process tells.
pub const EVERY: Duration = Duration::from_secs(5);
/// Who was not heard of for so long does not count; more than three times [`EVERY`], as clocks differ.
pub const LATEST: Duration = Duration::from_secs(20);
/// How long a hash is kept: it is written for a minute, and read for one more.
pub const KEPT: Duration = Duration::from_secs(180);

/// What one process does with one queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsumerReport {
    /// The client that the process logs in as: the service, or a product's worker.
    pub client: String,
    /// The container, or the machine (hostname(7)), and the process in it.
    pub task: String,
    /// When the process started.
    pub since: DateTime<Utc>,
    /// When it told this.
    pub at: DateTime<Utc>,
    /// Messages that it holds now.
    pub in_flight: u64,
    /// Of the last minute.
    pub received: u64,
    /// Of the last minute: those that are done, or went on as a copy.
    pub deleted: u64,
    /// Age of the oldest message received in the last minute, in seconds; absent if none was.
    pub oldest_seconds: Option<u64>,
}

/// The key of the reports of that minute since 1970; `service` is the user in Redis that writes it.
pub fn key(prefix: &str, service: &str, queue: &str, minute: i64) -> String {
    format!("{prefix}consumers:{service}:{queue}:{minute}")
}
