//! Cycles: which period is being collected, and how it ends.

pub mod closing;
mod making;
mod proof_store;
pub mod proving;
pub mod routes;
pub mod store;
