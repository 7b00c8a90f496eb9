//! Schedules: a job that is ordered again and again, at the times of a cron line. Each tick is one job, however many
//! workers there are; ticks that were missed while all of them were down are one job together.

mod cron;
mod model;
pub mod routes;
mod store;
mod ticker;

pub(crate) use ticker::run;
