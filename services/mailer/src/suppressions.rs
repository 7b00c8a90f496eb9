//! The suppression list: addresses that get no mail any more, and why.

pub mod routes;
pub mod store;
