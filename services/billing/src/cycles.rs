//! Cycles: which period is being collected, and how it ends.

pub mod close;
pub mod routes;
pub mod store;
