//! Internal endpoints: what a product service, or the worker, learns of an instance.
//!
//! | module | answers |
//! | --- | --- |
//! | [`routes`] | what can they ask? |
//! | [`lookup`] | whose is the instance on a host, or of an id? |
//! | [`setup`] | what happens when the setup form is submitted? |
//! | [`store`] | where do sealed secrets lie? |

pub mod lookup;
pub mod routes;
pub mod setup;
pub mod store;
