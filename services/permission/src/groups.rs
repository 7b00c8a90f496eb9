//! Which groups of people and machines has a tenant? What is granted to a group, all of its members have.

pub mod changes;
pub mod routes;
pub mod store;
