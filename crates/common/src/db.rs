//! Stores of a service: one pool to its own database, one connection manager to Redis.
//!
//! | module | answers |
//! | --- | --- |
//! | [`pool`] | how is the database reached, and whom do its commits wake? |
//! | [`transaction`] | whose rows does a transaction see? |
//! | [`background`] | by what right does a loop of ours act for tenants? |
//! | [`text`] | for which value does a text of the database stand? |
//! | [`cache`] | how is Redis reached, and does it keep what it is told? |

mod background;
mod cache;
mod pool;
mod text;
mod transaction;

pub use background::Background;
pub use cache::{connect_redis, redis_client, resend};
pub use pool::{Db, connect, is_above_walls, is_writable};
pub use text::from_text;
pub use transaction::{CrossTenantTx, Lookup, Scoped, TenantScope, TenantTx, TenantlessTx};
