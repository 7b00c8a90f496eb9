//! Is this machine who it says it is? The platform's own services show a secret and get a token (RFC 6749 §4.4).
//!
//! | module | answers |
//! | --- | --- |
//! | [`model`] | does the secret belong to the client? |
//! | [`routes`] | how is a token asked for? |

pub mod model;
pub mod routes;

pub use model::PlatformClients;
