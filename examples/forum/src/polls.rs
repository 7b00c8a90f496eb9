//! The module `polls`: questions, and one vote a member.

pub mod model;
pub mod pages;
pub mod routes;
pub mod store;
