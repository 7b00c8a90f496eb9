//! What was used, from when to when and how often?

pub mod due;
pub mod model;
pub mod parked;
pub mod routes;
pub mod store;
