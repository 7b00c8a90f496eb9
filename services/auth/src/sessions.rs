//! Sessions: who is logged in, and for how long?

pub mod ending;
mod ending_store;
pub mod liveness;
pub mod model;
pub mod opening;
pub mod routes;
pub mod store;
