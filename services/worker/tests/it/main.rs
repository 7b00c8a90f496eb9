//! Tests of the worker against real databases, real queues and real processes.

mod bundles;
mod instance;
mod interruptions;
mod jobs;
mod migrations;
mod rolling;
mod walls;
mod world;
