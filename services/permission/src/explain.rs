//! Explanations: why somebody may do something, or why not.

pub mod model;
pub mod routes;
pub mod store;
