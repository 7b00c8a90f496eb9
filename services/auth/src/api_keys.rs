//! Which programs act for a person? Each has an API key, which is its owner limited to some permissions.

pub mod exchange;
pub mod model;
pub mod routes;
pub mod store;
