//! Files: names and sizes here, bytes in the bucket.

pub mod model;
pub mod routes;
pub mod store;
