//! Roles and what they hold: built-in ones for every tenant, and a tenant's own.

pub mod changes;
pub mod graph;
pub mod model;
pub mod routes;
pub mod store;

access::permissions! { pub ReadRoles = "permission.readRoles", pub WriteRoles = "permission.writeRoles" }
