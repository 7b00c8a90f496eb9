//! The ledger of mails: which are there, and how far has each come?

pub mod content;
pub mod model;
pub mod queue_store;
pub mod routes;
pub mod store;
