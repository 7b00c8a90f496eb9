//! Members of a tenant, as they leave it.

mod entries;
pub mod removal;
pub mod routes;
pub mod store;
