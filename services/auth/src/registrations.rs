//! How does a stranger become the owner of a tenant? By asking, and by opening the link that the address gets.
//!
//! | module | answers |
//! | --- | --- |
//! | [`confirming`] | is it theirs, and what does it become? |
//! | [`model`] | is what they ask for sound? |
//! | [`routes`] | what can be asked? |
//! | [`store`] | where do unconfirmed requests lie? |

pub mod confirming;
pub mod model;
pub mod routes;
pub mod store;
