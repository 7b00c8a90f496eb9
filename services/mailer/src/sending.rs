//! State of sending: does mail leave at the moment, and if not, why?

pub mod routes;
pub mod store;
