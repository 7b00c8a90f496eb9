//! Resets: somebody has forgotten their password, and opens the link that their address gets.
//!
//! What was asked for is kept whether or not the address has an account, and looked up afterwards: the answer is the
//! same, and takes the same time.

mod choosing;
pub mod mailing;
pub mod model;
pub mod routes;
pub mod store;
