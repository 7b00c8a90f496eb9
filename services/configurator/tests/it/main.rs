//! The configurator against real PostgreSQL, Redis, SNS and SQS; instances' databases and roles are really made, by a
//! role that is no superuser.

mod active_features;
mod admin;
mod cancelling;
mod catalog;
mod changes;
mod deadlines;
mod domains;
mod generations;
mod instances;
mod jobs;
mod modules;
mod provisioning;
mod setup;
mod story;
mod support;
mod suspension;
mod walls;
mod world;
