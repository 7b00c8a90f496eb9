//! Accounts: users, tenants and memberships.

pub mod me;
pub mod routes;
pub mod store;
