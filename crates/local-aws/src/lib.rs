//! What the AWS emulator lacks: a mailbox simulator, beside the topics and queues, and a memory of who may send.

pub mod events;
pub mod seen;
pub mod sender;
pub mod simulator;
