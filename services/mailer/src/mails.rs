//! The ledger of mails: which are there, and how far has each come?

pub mod content;
pub mod model;
pub mod queue;
pub mod routes;
pub mod store;
