//! Extractions: one of each file, done by a job, and the pages that it found.

pub mod model;
pub mod routes;
pub mod store;
