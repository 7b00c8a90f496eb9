//! Signing keys: with which are access tokens signed, and how do others check them?

pub mod keyring;
pub mod routes;
pub mod store;

pub use keyring::Keyring;
