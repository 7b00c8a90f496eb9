//! Tests of billing against real PostgreSQL, Redis and an AWS emulator.

mod batches;
mod closing;
mod contract;
mod due;
mod hearing;
mod intervals;
mod parked;
mod payments;
mod payments_dunning;
mod payments_faults;
mod payments_webhooks;
mod payments_world;
mod prices;
mod reading;
mod recording;
mod stripe;
mod walls;
mod world;
