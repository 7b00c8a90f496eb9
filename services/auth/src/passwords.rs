//! Is this password good enough, and is it the right one?
//!
//! | module | answers |
//! | --- | --- |
//! | [`model`] | is it good enough? |
//! | [`hasher`] | is it the right one? |

pub mod hasher;
pub mod model;

pub use hasher::{Cost, Hasher};
