//! Does every message take effect once, whatever happens on its way? Against real PostgreSQL and an AWS emulator.

mod consumer;
mod gate;
mod outages;
mod provision;
mod relay;
mod tables;
mod world;
