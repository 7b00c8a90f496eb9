//! Accounts: users, tenants and memberships.

pub mod entries;
pub mod me;
pub mod refusals;
pub mod routes;
pub mod store;
