//! How does a second person come into a tenant? A member invites an address, and whoever reads its mail joins.
//!
//! | module | answers |
//! | --- | --- |
//! | [`joining`] | how does somebody who holds the link become a member? |
//! | [`routes`] | what can be asked? |
//! | [`store`] | where do invitations lie? |

pub mod joining;
pub mod routes;
pub mod store;
