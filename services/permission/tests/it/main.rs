//! Tests of the permission service against real PostgreSQL, Redis and an AWS emulator.

mod assertions;
mod audit;
mod authority;
mod bad_input;
mod contract;
mod explain;
mod grants;
mod groups;
mod messages;
mod outages;
mod principals;
mod protocol;
mod questions;
mod registry;
mod roles;
mod simulate;
mod support;
mod swagger;
mod transfer;
mod walls;
