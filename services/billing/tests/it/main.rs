//! Does billing hear everything once, and do its invoices prove themselves? Against real PostgreSQL, Redis and an AWS emulator.

mod closing;
mod contract;
mod hearing;
mod intervals;
mod parked;
mod prices;
mod reading;
mod walls;
mod world;
