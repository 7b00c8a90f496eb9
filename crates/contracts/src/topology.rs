//! The topics and queues, and who listens to what. Provisioning and documentation both come from this table.

use crate::messages::{
    ClientDeleted, FeatureDisabled, FeatureEnabled, JobFinished, MemberJoined, Message, RunJob, SendMail,
    ServicePublished, TenantCreated, UsageRecorded,
};
pub use crate::topic::Topic;
use std::time::Duration;

/// An SQS queue, one a consumer; its dead-letter queue is called `<name>-dead`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Name without the deployment's prefix.
    pub name: &'static str,
    /// Time within which a received message must be heard of again.
    pub visibility_timeout: Duration,
    /// Receives before SQS itself moves the message to the dead-letter queue. Consumers do so earlier, with a reason; this is for what they
    /// cannot count, such as a message of which each process dies.
    pub max_receive_count: u32,
    pub subscriptions: &'static [Subscription],
}

/// What a queue takes from a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscription {
    pub topic: Topic,
    /// Message types it takes; empty means all (no filter policy).
    pub types: &'static [&'static str],
}

const VISIBILITY: Duration = Duration::from_secs(30);
/// For queues whose handlers only note what they take: an order that went to a process that had just died is late by this much.
const SHORT_VISIBILITY: Duration = Duration::from_secs(10);
/// SQS counts receives whatever became of them, so good messages that were received in a bad hour need room.
const RECEIVES: u32 = 100;

/// Every queue of the platform.
pub const QUEUES: &[Queue] = &[
    Queue {
        name: "permission",
        visibility_timeout: VISIBILITY,
        max_receive_count: RECEIVES,
        subscriptions: &[
            Subscription {
                topic: Topic::AuthEvents,
                types: &[TenantCreated::TYPE, MemberJoined::TYPE, ClientDeleted::TYPE],
            },
            Subscription { topic: Topic::ConfiguratorEvents, types: &[ServicePublished::TYPE] },
        ],
    },
    Queue {
        name: "billing",
        visibility_timeout: VISIBILITY,
        max_receive_count: RECEIVES,
        subscriptions: &[
            Subscription { topic: Topic::AuthEvents, types: &[TenantCreated::TYPE] },
            Subscription {
                topic: Topic::ConfiguratorEvents,
                types: &[ServicePublished::TYPE, FeatureEnabled::TYPE, FeatureDisabled::TYPE],
            },
        ],
    },
    Queue {
        name: "billing-usage",
        visibility_timeout: VISIBILITY,
        max_receive_count: RECEIVES,
        subscriptions: &[Subscription { topic: Topic::Usage, types: &[UsageRecorded::TYPE] }],
    },
    Queue {
        name: "configurator",
        visibility_timeout: VISIBILITY,
        max_receive_count: RECEIVES,
        subscriptions: &[Subscription { topic: Topic::WorkerEvents, types: &[JobFinished::TYPE] }],
    },
    Queue {
        name: "mailer",
        visibility_timeout: VISIBILITY,
        max_receive_count: RECEIVES,
        subscriptions: &[Subscription { topic: Topic::MailerCommands, types: &[SendMail::TYPE] }],
    },
    Queue {
        name: "mailer-feedback",
        visibility_timeout: VISIBILITY,
        max_receive_count: RECEIVES,
        subscriptions: &[Subscription { topic: Topic::SesFeedback, types: &[] }],
    },
    Queue {
        name: "worker",
        visibility_timeout: SHORT_VISIBILITY,
        max_receive_count: RECEIVES,
        subscriptions: &[Subscription { topic: Topic::WorkerCommands, types: &[RunJob::TYPE] }],
    },
];

/// The queue of that name; `None` if the table has none.
pub fn queue(name: &str) -> Option<&'static Queue> {
    QUEUES.iter().find(|queue| queue.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages;

    #[test]
    fn every_subscribed_type_is_published_on_that_topic() {
        for subscription in QUEUES.iter().flat_map(|queue| queue.subscriptions) {
            for kind in subscription.types {
                let declared = messages::ALL.iter().find(|message| message.kind == *kind);
                assert_eq!(declared.map(|message| message.topic), Some(subscription.topic), "{kind}");
            }
        }
    }

    #[test]
    fn every_message_has_a_consumer() {
        for messages::Declared { kind, .. } in messages::ALL {
            assert!(QUEUES.iter().flat_map(|queue| queue.subscriptions).any(|s| s.types.contains(kind)), "{kind}");
        }
    }
}
