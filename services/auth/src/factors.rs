//! Second factors: what proves who somebody is besides the password?

pub mod asking;
pub mod authentication;
mod base32;
pub mod challenges;
mod challenges_store;
pub mod changing;
pub mod enrolling;
mod entries;
pub mod listing;
pub mod proving;
pub mod recent;
pub mod recovery;
pub mod routes;
pub mod sealed_store;
pub mod store;
pub mod totp;
