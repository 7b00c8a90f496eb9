//! Signing keys: with which are access tokens signed, and how do others check them?

pub mod commands;
mod entries;
pub mod keyring;
pub mod model;
pub mod pair;
pub mod resealing;
pub mod rotation;
pub mod routes;
pub mod store;

pub use keyring::Keyring;
pub use rotation::Rotation;
