//! Budgets: how many jobs of a tenant may be begun on one day (UTC)? What is over waits for the next day, and a change
//! counts at once.

mod model;
pub mod routes;
mod store;
