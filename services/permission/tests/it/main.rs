//! Does the permission service keep its promises? Against real PostgreSQL, Redis and an AWS emulator.

mod catalog;
mod contract;
mod grants;
mod groups;
mod messages;
mod protocol;
mod questions;
mod roles;
mod support;
mod swagger;
