//! Groups of people and machines: what is granted to a group, all of its members have.

pub mod changes;
pub mod routes;
pub mod store;
