//! Jobs on an instance's database: it gets its tables and first rows from the bundle of its service, each file once.

mod access;
mod bundle;
mod migrate;
mod order;
mod seed;
mod store;
