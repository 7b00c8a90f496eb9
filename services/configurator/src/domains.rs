//! Hosts: names under the platform's product domains are first come, first served; any other is its domain's owner's,
//! who proves it.

pub mod challenge;
pub mod policy;
pub mod proof;
pub mod reserved;
pub mod resolver;
