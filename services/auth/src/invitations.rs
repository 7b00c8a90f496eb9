//! How does a second person come into a tenant? A member invites an address, and whoever reads its mail joins, or refuses.
//!
//! | module | answers |
//! | --- | --- |
//! | [`inviting`] | may this address be invited now, and when does the mail go? |
//! | [`joining`] | how does somebody who holds the link become a member? |
//! | [`model`] | what is an invitation, a limit, a refusal? |
//! | [`limits`] | how many invitations may a tenant send? |
//! | [`refusals`], [`refusal_links`] | how does an address get no more of them? |
//! | [`routes`] | what can be asked? |
//! | [`store`], [`refusal_store`] | what SQL is there? |

pub mod inviting;
pub mod joining;
pub mod limits;
pub mod model;
pub mod refusal_links;
pub mod refusal_store;
pub mod refusals;
pub mod routes;
pub mod store;
