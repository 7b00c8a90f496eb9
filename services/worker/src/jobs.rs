//! The table of jobs: which work is there, and how far has it come?

pub(crate) mod lease_store;
pub mod model;
pub mod routes;
pub mod store;
