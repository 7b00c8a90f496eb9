//! Tests of billing against real PostgreSQL, Redis and an AWS emulator.

mod batches;
mod closing;
mod contract;
mod due;
mod hearing;
mod intervals;
mod parked;
mod plans;
mod prices;
mod reading;
mod recording;
mod walls;
mod world;
