//! Which work is there, and how far has it come?

pub mod model;
pub(crate) mod queue;
pub mod routes;
pub mod store;
