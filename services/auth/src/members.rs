//! Members of a tenant, as they leave it.

pub mod removal;
pub mod routes;
pub mod store;
