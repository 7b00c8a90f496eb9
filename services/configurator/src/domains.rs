//! Whose is a host? Names under the platform's product domains are first come, first served; any other is its domain's owner's, who proves it.
//!
//! | module | answers |
//! | --- | --- |
//! | [`policy`] | may a tenant have this host, and must it prove it? |
//! | [`reserved`] | which labels does nobody get? |
//! | [`proof`] | which DNS record proves a host, and is it there? |
//! | [`resolver`] | what does DNS say? |

pub mod policy;
pub mod proof;
pub mod reserved;
pub mod resolver;
