//! Tests of the mailer against real PostgreSQL, Redis, SNS, SQS and SES.

mod answers;
mod feedback;
mod gate;
mod operators;
mod outages;
mod process;
mod refusing;
mod sealing;
mod sending;
mod support;
mod walls;
