//! Which machines act here, and is this one who it says it is? It shows a secret and gets a token (RFC 6749 §4.4): the platform's own services, and the tenants' clients.
//!
//! | module | answers |
//! | --- | --- |
//! | [`model`] | does the secret belong to the client? |
//! | [`token`] | how is a token asked for? |
//! | [`routes`] | how does a tenant keep its clients? |
//! | [`secrets`] | how are a client's secrets made and revoked, and what do they get? |
//! | [`store`] | where do clients and their secrets lie? |

pub mod model;
pub mod routes;
pub mod secrets;
pub mod store;
pub mod token;

pub use model::PlatformClients;
