//! Models of messages and jobs, which a checker walks through completely, with every process stopping between any two
//! steps: does each message take effect once, and is each job's end told once?
//!
//! | module | answers |
//! | --- | --- |
//! | [`delivery`] | outbox → SNS → SQS → inbox: is any message lost, or applied twice? |
//! | [`lease`] | a job under a lease: is its end ever written by who has lost it? |
//!
//! Each has naive variants, whose tests print the shortest history in which they fail, and ours, which has none.

pub mod delivery;
pub mod lease;

#[cfg(test)]
mod histories;
