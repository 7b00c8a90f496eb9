//! What services say to each other: ids, messages, job payloads, the manifest and the topology.
//!
//! | module | answers |
//! | --- | --- |
//! | [`id`] | which thing is meant? |
//! | [`http`] | what do services ask each other over HTTP? |
//! | [`instance_database`] | what does the platform keep in an instance's database? |
//! | [`envelope`] | what surrounds every message? |
//! | [`messages`] | which facts and orders exist, and what do they carry? |
//! | [`mails`] | which mails do people get, and what are they filled in with? |
//! | [`jobs`] | which background work exists, and what does it need? |
//! | [`object_key`] | which object of an instance is meant? |
//! | [`manifest`] | what does a product service declare about itself? |
//! | [`privacy`] | who may read a field of a message? |
//! | [`public_url`] | which link may stand in a mail? |
//! | [`roster`] | which services are there? |
//! | [`topic`] | which topics exist? |
//! | [`topology`] | which topics and queues exist, and who listens to what? |
//! | [`contract`] | what do a writer and its readers agree on? |
//! | [`schemas`] | what is each message's contract? |

pub mod consumers;
pub mod contract;
pub mod envelope;
pub mod http;
pub mod id;
pub mod instance_database;
pub mod jobs;
pub mod mails;
pub mod manifest;
pub mod messages;
pub mod object_key;
pub mod privacy;
pub mod public_url;
pub mod roster;
mod samples;
pub mod schemas;
pub mod topic;
pub mod topology;
