//! The module `polls`: questions, and one vote a member.
//!
//! | module | answers |
//! | --- | --- |
//! | [`model`] | what makes a poll? |
//! | [`store`] | where are polls and votes kept? |
//! | [`routes`] | what can programs ask? |
//! | [`pages`] | what can browsers ask? |

pub mod model;
pub mod pages;
pub mod routes;
pub mod store;
