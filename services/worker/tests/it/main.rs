//! Tests of the worker against real databases, real queues and real processes.

mod bundles;
mod instance;
mod interruptions;
mod jobs;
mod kinds;
mod lanes;
mod migrations;
mod rolling;
mod waiting;
mod walls;
mod world;
