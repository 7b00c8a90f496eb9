//! Topics, and the posts in them.
//!
//! | module | answers |
//! | --- | --- |
//! | [`model`] | what makes a topic or a post? |
//! | [`store`] | where are they kept? |
//! | [`routes`] | what can programs ask? |
//! | [`pages`] | what can browsers ask? |

pub mod model;
pub mod pages;
pub mod routes;
pub mod store;
