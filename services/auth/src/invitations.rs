//! Invitations: a member invites an address, and whoever reads its mail joins, or refuses.

mod entries;
pub mod inviting;
pub mod joining;
pub mod limits;
pub mod model;
pub mod refusal_links;
pub mod refusal_store;
pub mod refusals;
pub mod routes;
pub mod store;
