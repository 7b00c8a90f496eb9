//! Passwords: is this one good enough, and is it the right one?

pub mod hasher;
pub mod model;

pub use hasher::{Cost, Hasher};
