//! Rates: how many jobs of a kind may be begun for a tenant in a time? What is over waits, and a change counts at once
//! for what waits.

pub(crate) mod model;
pub mod routes;
mod store;
