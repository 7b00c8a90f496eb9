//! Features in use: whoever was told of each change asks whether it has heard them all.

pub mod routes;
mod store;
