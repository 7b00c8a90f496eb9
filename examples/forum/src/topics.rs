//! Topics, and the posts in them.

pub mod model;
pub mod pages;
pub mod routes;
pub mod store;
