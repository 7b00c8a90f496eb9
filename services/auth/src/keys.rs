//! With which keys are access tokens signed, and how do others check them?
//!
//! | module | answers |
//! | --- | --- |
//! | [`keyring`] | how is a token signed? |
//! | [`store`] | where do the keys lie? |
//! | [`routes`] | how do others get the public keys? |

pub mod keyring;
pub mod routes;
pub mod store;

pub use keyring::Keyring;
