//! The mailer against real PostgreSQL, Redis, SNS, SQS and SES.

mod feedback;
mod operators;
mod outages;
mod process;
mod sending;
mod support;
mod walls;
