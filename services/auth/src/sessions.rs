//! Who is logged in, and for how long?
//!
//! | module | answers |
//! | --- | --- |
//! | [`liveness`] | may tokens of this session be taken, Redis aside? |
//! | [`model`] | may this refresh token be used now? |
//! | [`opening`] | how does a session begin, go on and end, in the database and in Redis alike? |
//! | [`routes`] | what can be asked? |
//! | [`store`] | where do sessions lie? |

pub mod liveness;
pub mod model;
pub mod opening;
pub mod routes;
pub mod store;
