//! Usage: what was used, from when to when and how often.

pub mod batches;
pub mod counted;
pub mod enabling;
pub mod event_store;
pub mod insert_store;
pub mod intake;
pub mod interval_store;
pub mod model;
pub mod parked;
pub mod part_store;
pub mod parts;
pub mod periods;
pub mod places;
pub mod range;
pub mod routes;
pub mod store;
pub mod window;
