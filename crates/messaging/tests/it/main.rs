//! Tests of messaging against real PostgreSQL and an AWS emulator: every message takes effect once, whatever happens on
//! its way.

mod consumer;
mod gate;
mod inbox;
mod outages;
mod provision;
mod relay;
mod schema;
mod tables;
mod waking;
mod world;
