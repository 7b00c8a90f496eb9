//! The forum's own members, who write here and sign in; the platform's users are others.

pub mod model;
pub mod pages;
pub mod password;
pub mod routes;
pub mod session;
pub mod store;
