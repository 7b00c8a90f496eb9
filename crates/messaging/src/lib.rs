//! Messages between services: at-least-once delivery, exactly-once effects.
//!
//! ```text
//! business transaction ─ outbox ─ Relay ─ SNS topic ─ SQS queue ─ Consumer ─ inbox + effect, one transaction
//!                                                        └─ dead-letter queue, with the reason
//! ```
//!
//! | module | answers |
//! | --- | --- |
//! | [`outbox`] | how does a message leave with the business fact, or not at all? |
//! | [`relay`] | how do committed messages reach SNS? |
//! | [`consumer`] | how does a queue become effects in the database? |
//! | [`handler`] | what does a service write to take a message? |
//! | [`schema`] | do the data of a message fit its type? |
//! | [`inbox`] | has this message taken effect already? |
//! | [`weeks`] | how does a table forget what is old? |
//! | [`console`] | what do operators see of a queue, and how do they mend it? |
//! | [`stats`] | how fast does a consumer work, and how old is what it receives? |
//! | [`parked`] | which messages does SNS refuse, and how do they leave after all? |
//! | [`tables`] | where do messages wait, and how do these tables come to be? |
//! | [`aws`] | which topics and queues are ours, and how is a batch published? |
//! | [`provision`] | how do the topics and queues of the topology come to be, where no CloudFormation makes them? |
//!
//! No other crate links `aws-sdk-sns` or `aws-sdk-sqs`. The tables are those of [`tables`].

mod attempt;
pub mod aws;
mod breaker;
mod buffer;
pub mod console;
pub mod consumer;
mod copy;
mod effect;
mod event_key;
mod every;
mod fingerprint;
pub mod handler;
mod heartbeat;
pub mod inbox;
mod intake;
pub mod outbox;
pub mod parked;
mod pause;
pub mod provision;
pub mod publisher;
pub mod relay;
mod routes;
pub mod schema;
mod settle;
mod sqlstate;
pub mod stats;
pub mod tables;
mod together;
pub mod weeks;

pub use aws::Aws;
pub use console::Console;
pub use consumer::Consumer;
pub use effect::EVERY;
pub use event_key::EventKey;
pub use every::HandleEvery;
pub use handler::{Delivery, Fault, Handle, HandleRaw, HandlerTx};
pub use outbox::{About, OutboxError, publish, publish_all};
pub use publisher::Publisher;
pub use relay::Relay;
pub use routes::{Mismatch, RAW, check};
