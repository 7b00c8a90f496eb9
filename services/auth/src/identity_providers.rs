//! Identity providers of tenants (OpenID Connect Core 1.0, as a client): whom does a tenant let sign in elsewhere, and
//! what is that worth here?
//!
//! Whoever configures a provider, and whoever runs it, can say of any member that it is them. So it is believed for its
//! own tenant and nothing else: [`crate::accounts::routes::logged_in`] refuses its sessions wherever something is the
//! person's own. Its addresses are a stranger's too, so all calls go through [`outbound`].
//!
//! | module | answers |
//! | --- | --- |
//! | [`routes`], [`configuring`] | which providers does a tenant have, and who may say so? |
//! | [`sign_in`] | how does a person get there and back? |
//! | [`attempt`] | which sign-in is this, and is it this browser's? |
//! | [`directory`], [`metadata`] | where are the provider's endpoints and keys? |
//! | [`exchange`] | what does the provider say of the person? |
//! | [`id_token`], [`signature`] | does it say that to us, now, and is it the provider? |
//! | [`admission`] | which member is it, and do they get in? |
//! | [`ending`] | what ends with a provider? |
//! | [`address`], [`outbound`] | whom do we call because a tenant says so, and for how long? |

pub mod address;
pub mod admission;
pub mod attempt;
pub mod configuring;
pub mod directory;
mod ending;
mod ending_store;
mod entries;
pub mod exchange;
mod id_token;
mod identity_store;
mod metadata;
pub mod model;
pub mod outbound;
mod refusals;
pub mod routes;
pub mod sealed_store;
pub mod sign_in;
mod signature;
pub mod store;
