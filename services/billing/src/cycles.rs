//! Which period is being collected, and how does it end?

pub mod close;
pub mod routes;
pub mod store;
