//! Registry of permissions: each service registers its own list; a product's comes with its manifest.

pub mod model;
pub mod registration;
pub mod routes;
pub mod store;
