//! Jobs on an instance's database: it gets its tables and first rows from the bundle of its service, each file once.

pub(crate) mod access;
pub(crate) mod bundle;
mod migrate;
pub(crate) mod order;
mod seed;
mod store;
