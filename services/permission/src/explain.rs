//! Why may somebody do something, or not, now or at an instant of the past? The way ([`model`]), the rows of then ([`store`]).

pub mod model;
pub mod routes;
pub mod store;
