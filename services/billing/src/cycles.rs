//! Cycles: which period is being collected, and how it ends.

pub mod closing;
mod making;
pub mod routes;
pub mod store;
