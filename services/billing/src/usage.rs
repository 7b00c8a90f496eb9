//! Usage: what was used, from when to when and how often.

pub mod due_store;
pub mod insert_store;
pub mod intake;
pub mod model;
pub mod parked;
pub mod routes;
pub mod store;
