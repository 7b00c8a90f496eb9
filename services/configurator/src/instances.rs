//! Instances of products: which has a tenant, and what may become of them?

pub mod addresses;
pub mod creation;
pub mod features;
pub mod host_name;
pub mod model;
pub mod routes;
pub mod setup;
pub mod spec;
pub mod store;
pub mod transitions;
pub mod view;
