//! The catalog: which products can be enabled, in which version?

pub mod model;
pub mod routes;
pub mod store;
