//! Passkeys: which authenticators does a person have, and is this signature of one of them?

pub mod asserting;
mod authenticator_data;
pub mod ceremony;
pub mod challenges;
mod cose;
pub mod listing;
pub mod logging_in;
pub mod options;
pub mod registering;
pub mod relying_party;
pub mod routes;
pub mod store;
pub mod verification;
