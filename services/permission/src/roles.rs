//! Which roles exist, and what do they hold? Built-in ones for every tenant, and a tenant's own.

pub mod changes;
pub mod graph;
pub mod model;
pub mod routes;
pub mod store;
