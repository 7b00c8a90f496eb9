//! Sessions: who is logged in, and for how long?

pub mod compromise;
pub mod ending;
pub mod ending_store;
pub mod enrolment;
pub mod entries;
pub mod liveness;
pub mod model;
mod moving;
mod moving_store;
pub mod opening;
pub mod routes;
pub mod second_factor;
pub mod step_up;
pub mod step_up_store;
pub mod store;
