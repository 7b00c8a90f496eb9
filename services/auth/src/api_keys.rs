//! Which programs act for a person? Each has an API key, which is its owner limited to some permissions.
//!
//! | module | answers |
//! | --- | --- |
//! | [`model`] | is what a key is asked for with sound? |
//! | [`routes`] | how does a person keep their keys? |
//! | [`exchange`] | which token does a key stand for? |
//! | [`store`] | where do API keys lie? |

pub mod exchange;
pub mod model;
pub mod routes;
pub mod store;
