//! Which programs act for a person? Each has an API key, which is its owner limited to some permissions.

pub mod exchange;
mod finding;
pub mod leaked;
pub mod model;
pub mod routes;
pub mod store;

pub use finding::FIND;
