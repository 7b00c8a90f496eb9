//! Tests of the worker against real databases, real queues and real processes.

mod bundles;
mod cancel;
mod instance;
mod interruptions;
mod jobs;
mod kinds;
mod lanes;
mod limits;
mod migrations;
mod rolling;
mod schedules;
mod waiting;
mod walls;
mod world;
