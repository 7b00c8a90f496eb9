//! Invoices: what a cycle's usage comes to, line by line, and the proof.

mod earlier_store;
mod input_store;
pub mod lines;
mod mail;
pub mod model;
pub mod not_invoiced;
mod number_store;
pub mod numbering;
mod proof;
pub mod report;
pub mod routes;
pub mod store;
