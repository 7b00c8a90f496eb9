//! What happened: every message of the last weeks, to be found by tenant, type, id, trace and text.
//!
//! | module | answers |
//! | --- | --- |
//! | [`model`] | what is kept of a message? |
//! | [`store`] | how is it kept and found? |
//! | [`routes`] | what do operators see of it? |

pub mod model;
pub mod routes;
pub mod store;
