//! Tests of messaging against real PostgreSQL and an AWS emulator: every message takes effect once, whatever happens on
//! its way.

mod batches;
mod console;
mod consumer;
mod flow;
mod gate;
mod inbox;
mod outages;
mod pool;
mod provision;
mod refused;
mod relay;
mod schema;
mod tables;
mod traces;
mod waking;
mod world;
