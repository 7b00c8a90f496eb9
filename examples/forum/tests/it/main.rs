//! The forum as people and programs meet it, against real PostgreSQL, Redis and SNS. Only the configurator's two
//! internal endpoints are played.

mod contract;
mod crowd;
mod forgery;
mod forum;
mod metering;
mod moderation;
mod pages;
mod setup;
mod support;
mod suspension;
mod tenancy;
