//! Features in use: who uses what, since when and until when.

pub mod routes;
mod store;
