//! What is owed, and what is each line made of?

pub mod draft;
pub mod mail;
pub mod model;
pub mod routes;
pub mod store;
