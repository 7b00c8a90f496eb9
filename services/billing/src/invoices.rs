//! Invoices: what a cycle's usage comes to, line by line, and the proof.

mod input_store;
pub mod lines;
mod mail;
pub mod model;
mod number_store;
pub mod numbering;
mod proof;
pub mod routes;
pub mod store;
