//! Registrations: a stranger asks, opens the link that the address gets, and owns a tenant.

pub mod confirming;
pub mod model;
pub mod routes;
pub mod store;
