//! The catalog: which products can be enabled, in which version?
//!
//! | module | answers |
//! | --- | --- |
//! | [`routes`] | what can callers ask, and who may publish? |
//! | [`model`] | when is a manifest fit to be published? |
//! | [`store`] | where do published versions lie? |

pub mod model;
pub mod routes;
pub mod store;
