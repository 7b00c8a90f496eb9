//! Invoices: what is owed, and what each line is made of.

pub mod draft;
pub mod mail;
pub mod model;
pub mod routes;
pub mod store;
