//! Stores of a service: one pool to its own database, one connection manager to Redis.

mod background;
mod cache;
mod pool;
mod text;
mod transaction;

pub use background::Background;
pub use cache::{connect_redis, redis_client, resend};
pub use pool::{Db, connect, is_above_walls, is_writable};
pub use text::from_text;
pub use transaction::{CrossTenantTx, Last, Lookup, Scoped, TenantScope, TenantTx, TenantlessTx, Written};
