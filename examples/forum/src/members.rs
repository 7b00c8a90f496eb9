//! The forum's own members, who write here and sign in; the platform's users are others.
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
