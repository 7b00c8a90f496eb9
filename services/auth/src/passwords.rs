//! Passwords: is this one good enough, is it the right one, and how is it changed?

pub mod changing;
pub mod hasher;
pub mod leaked;
pub mod model;
pub mod routes;
mod threads;

pub use hasher::{Cost, Hasher};
pub use leaked::{LeakedPasswords, LeakedSettings};
