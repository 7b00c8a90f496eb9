//! Audit: who changed what. One entry a change, in its transaction, chained by hashes to the one before.

pub mod routes;
pub mod store;
