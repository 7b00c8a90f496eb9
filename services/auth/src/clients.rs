//! Machine clients (RFC 6749 §4.4), which show a secret and get a token: the platform's own services, and those of
//! tenants.

pub mod editing;
mod endings;
mod entries;
pub mod model;
pub mod registration;
pub mod routes;
pub mod secrets;
pub mod store;

pub use model::PlatformClients;
