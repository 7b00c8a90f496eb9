//! Internal endpoints: what a product service, or the worker, learns of an instance.

pub mod lookup;
pub mod routes;
pub mod setup;
pub mod store;
