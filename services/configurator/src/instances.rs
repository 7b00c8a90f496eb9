//! Instances of products: which has a tenant, and what may become of them?
//!
//! | module | answers |
//! | --- | --- |
//! | [`routes`] | what can a tenant ask and do? |
//! | [`view`] | what does a tenant see of an instance? |
//! | [`model`] | which step is legal in which state? |
//! | [`transitions`] | how does an instance move on, and which job does it then wait for? |
//! | [`spec`] | can this service be enabled so? |
//! | [`creation`] | what is written when a service is enabled? |
//! | [`host_name`] | what is a host name? |
//! | [`setup`] | is the setup form filled in right? |
//! | [`features`] | what is billing told? |
//! | [`store`] | where do instances lie? |

pub mod creation;
pub mod features;
pub mod host_name;
pub mod model;
pub mod routes;
pub mod setup;
pub mod spec;
pub mod store;
pub mod transitions;
pub mod view;
