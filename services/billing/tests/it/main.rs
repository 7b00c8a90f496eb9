//! Tests of billing against real PostgreSQL, Redis and an AWS emulator.

mod batches;
mod closing;
mod contract;
mod due;
mod features;
mod hearing;
mod intervals;
mod parked;
mod plans;
mod previews;
mod prices;
mod ranges;
mod reach;
mod reading;
mod reconciliation;
mod recording;
mod removed;
mod room;
mod walls;
mod world;
