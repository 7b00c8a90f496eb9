//! Who writes here, and how do they sign in? The forum's own members; the platform's users are others.
//!
//! | module | answers |
//! | --- | --- |
//! | [`model`] | what must a new member tell? |
//! | [`password`] | is this the password? |
//! | [`session`] | whose request is this? |
//! | [`store`] | where are members and sessions kept? |
//! | [`routes`] | what can programs ask? |
//! | [`pages`] | what can browsers ask? |

pub mod model;
pub mod pages;
pub mod password;
pub mod routes;
pub mod session;
pub mod store;
