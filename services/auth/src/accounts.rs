//! Accounts: users, tenants and memberships.

pub mod entries;
pub mod founding;
pub mod me;
pub mod refusals;
pub mod routes;
pub mod store;
pub mod tenants;
