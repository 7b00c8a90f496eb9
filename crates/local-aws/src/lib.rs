//! What does the AWS emulator lack that the platform needs? A mailbox simulator, beside the topics and queues.

pub mod events;
pub mod seen;
pub mod simulator;
