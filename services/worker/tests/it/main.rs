//! Tests of the worker against real databases, real queues and real processes.

mod bundles;
mod cancel;
mod commands;
mod desk;
mod failures;
mod history;
mod inputs;
mod instance;
mod interruptions;
mod jobs;
mod kinds;
mod lanes;
mod limits;
mod migrations;
mod orders;
mod outboxes;
mod protection;
mod queue_faults;
mod queues;
mod rolling;
mod schedules;
mod waiting;
mod walls;
mod world;
