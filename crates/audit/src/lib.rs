//! The audit: who changed what, from where, and how was it before? One entry a change, in the change's own transaction,
//! chained by hashes to the entry before.
//!
//! ```text
//! audit::note(&mut tx, Entry::new("client.deleted", format!("client:{id}")));
//! tx.commit().await?;
//! ```
//!
//! Who did it and from where is known from the request ([`common::origin`]). The entry is written by the commit, as the
//! last of all: writers of one chain wait for each other, and only for as long as that takes. Secrets, what is derived
//! from them, and addresses of people do not belong into an entry: nobody can take them out again.
//!
//! | module | answers |
//! | --- | --- |
//! | [`entry`] | what is written down of a change? |
//! | [`reading`] | what has been changed, by whom? |
//! | [`verification`] | is a chain whole, and if not, where does it break? |

pub mod entry;
mod model;
pub mod reading;
mod store;
pub mod verification;

pub use entry::{Actor, Entry, note, note_for, note_of_platform};
pub use model::{AuditEntry, AuditFilter, Fault, Record};
pub use verification::Verdict;

use contracts::id::TenantId;
use sqlx::migrate::Migrator;
use uuid::Uuid;

/// Stands for a tenant in the chain of what belongs to none.
pub const NO_TENANT: TenantId = TenantId(Uuid::nil());

/// Where PostgreSQL remembers which of our files have run.
const LEDGER: &str = "_audit_migrations";

/// What makes the tables; after the service's own files.
pub fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!("./migrations");
    migrator.dangerous_set_table_name(LEDGER);
    migrator
}
