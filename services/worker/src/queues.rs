//! The console of the platform's queues, for operators.
//!
//! | module | answers |
//! | --- | --- |
//! | [`routes`] | how much is in each queue, and who has paused it? |
//! | [`dead`] | which messages can never work, and why? |
//! | [`mending`] | how are they edited, sent back and deleted? |
//! | [`actions`] | who did what to which queue and message? |
//! | [`view`] | what of a message may be shown, and does it fit its schema? |
//! | [`patch`] | how is a part of a message changed? |
//! | [`rights`] | who may do what? |

pub mod actions;
pub mod dead;
pub mod mending;
mod patch;
pub mod rights;
pub mod routes;
mod view;
