//! Hosts: names under the platform's product domains are first come, first served; any other is its domain's owner's, who
//! proves it.
//!
//! | module | answers |
//! | --- | --- |
//! | [`policy`] | may a tenant have this host, and must it prove it? |
//! | [`reserved`] | which labels does nobody get? |
//! | [`challenge`] | how is the DNS record called that proves a host, and what does it say? |
//! | [`proof`] | is that record there? |
//! | [`resolver`] | what does DNS say? |

pub mod challenge;
pub mod policy;
pub mod proof;
pub mod reserved;
pub mod resolver;
