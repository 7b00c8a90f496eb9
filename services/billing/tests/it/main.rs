//! Tests of billing against real PostgreSQL, Redis and an AWS emulator.

mod batches;
mod closing;
mod contract;
mod due;
mod features;
mod hearing;
mod intervals;
mod parked;
mod payments;
mod payments_dunning;
mod payments_faults;
mod payments_webhooks;
mod payments_world;
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
mod stripe;
mod walls;
mod world;
