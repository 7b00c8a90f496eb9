//! Authentication policy of a tenant: how do its members have to log in?

pub mod routes;
pub mod store;
