//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07): a request that makes something and is sent again
//! gets the answer that it got the first time, and makes nothing more.
//!
//! The key and the answer commit in the transaction of what was made, so a crash leaves both or neither. Two requests
//! with one key at the same time are one: the second waits for the transaction of the first. A refusal rolls back, so
//! it leaves no key, and the request can be corrected and sent again.
//!
//! ```text
//! pub async fn create(…, caller: Allowed<P>, Creating(Json(body), mut once): Creating<Json<Body>>) -> … {
//!     let mut tx = caller.begin(&app.db).await?;
//!     if let Some(earlier) = once.begin(&mut tx, &caller).await? {
//!         return Ok(earlier);
//!     }
//!     …
//!     let answer = once.remember(&mut tx, (StatusCode::CREATED, Json(made))).await?;
//!     tx.commit().await?;
//!     Ok(answer)
//! }
//! ```
//!
//! | module | answers |
//! | --- | --- |
//! | [`once`] | has this request been made before? |
//! | `key` | whose is a key, and what is derived from it? |
//! | `answer` | what is kept of an answer? |
//! | [`prune`] | when is a key forgotten? |

mod answer;
mod key;
pub mod once;
pub mod prune;
mod store;

pub use key::Scope;
pub use once::{Creating, Once};

use chrono::TimeDelta;
use common::openapi::KEY_KEPT_HOURS;
use sqlx::migrate::Migrator;

/// From the first request on; then the key is as new.
const KEPT: TimeDelta = TimeDelta::hours(KEY_KEPT_HOURS);

/// Where PostgreSQL remembers which of our files have run.
const LEDGER: &str = "_idempotency_migrations";

/// What makes the table; after that of messages, which brings the wall between tenants.
pub fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!("./migrations");
    migrator.dangerous_set_table_name(LEDGER);
    migrator
}
