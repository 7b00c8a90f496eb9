//! The topics and queues, and who listens to what. Provisioning and documentation both come from this table.

use crate::messages::{
    AccountResumed, AccountSuspended, ClientDeleted, Declared, FeatureDisabled, FeatureEnabled, JobFinished,
    MemberJoined, Message, RunJob, SendMail, ServicePublished, TenantCreated, UsageBatchRecorded, UsageRecorded,
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
    pub subscriptions: &'static [Subscription],
}

/// What a queue takes from a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscription {
    pub topic: Topic,
    /// Message types it takes; empty means all (no filter policy), those included that are still to be invented.
    pub types: &'static [&'static str],
}

const VISIBILITY: Duration = Duration::from_secs(30);
/// For queues whose handlers only note what they take: an order that went to a process that had just died is late by
/// this much.
const SHORT_VISIBILITY: Duration = Duration::from_secs(10);
/// Receives before SQS itself moves a message to the dead-letter queue. Consumers do so earlier, with a reason; this is
/// for what they cannot count, such as a message of which each process dies. SQS counts receives whatever became of
/// them, so good messages that were received in a bad hour need room.
pub const MOST_RECEIVES: u32 = 100;

/// Every queue of the platform.
pub const QUEUES: &[Queue] = &[
    queue_of(
        "permission",
        &[
            takes(Topic::AuthEvents, &[TenantCreated::TYPE, MemberJoined::TYPE, ClientDeleted::TYPE]),
            takes(Topic::ConfiguratorEvents, &[ServicePublished::TYPE]),
        ],
    ),
    queue_of(
        "billing",
        &[
            takes(Topic::AuthEvents, &[TenantCreated::TYPE]),
            takes(Topic::ConfiguratorEvents, &[ServicePublished::TYPE, FeatureEnabled::TYPE, FeatureDisabled::TYPE]),
        ],
    ),
    queue_of("billing-usage", &[takes(Topic::Usage, &[UsageRecorded::TYPE, UsageBatchRecorded::TYPE])]),
    queue_of(
        "configurator",
        &[
            takes(Topic::WorkerEvents, &[JobFinished::TYPE]),
            takes(Topic::BillingEvents, &[AccountSuspended::TYPE, AccountResumed::TYPE]),
        ],
    ),
    queue_of("mailer", &[takes(Topic::MailerCommands, &[SendMail::TYPE])]),
    queue_of("mailer-feedback", &[takes(Topic::SesFeedback, &[])]),
    Queue {
        visibility_timeout: SHORT_VISIBILITY,
        ..queue_of("worker", &[takes(Topic::WorkerCommands, &[RunJob::TYPE])])
    },
    queue_of(
        "worker-history",
        &[
            takes(Topic::AuthEvents, &[]),
            takes(Topic::BillingEvents, &[]),
            takes(Topic::ConfiguratorEvents, &[]),
            takes(Topic::WorkerEvents, &[]),
            takes(Topic::MailerCommands, &[]),
            takes(Topic::WorkerCommands, &[]),
            takes(Topic::Usage, &[]),
        ],
    ),
];

const fn queue_of(name: &'static str, subscriptions: &'static [Subscription]) -> Queue {
    Queue { name, visibility_timeout: VISIBILITY, subscriptions }
}

const fn takes(topic: Topic, types: &'static [&'static str]) -> Subscription {
    Subscription { topic, types }
}

impl Subscription {
    /// Whether it takes messages of that type.
    pub fn brings(&self, message: &Declared) -> bool {
        message.topic == self.topic && (self.types.is_empty() || self.types.contains(&message.kind))
    }
}

impl Queue {
    /// Whether what is in it are messages in envelopes.
    pub fn carries_envelopes(&self) -> bool {
        self.subscriptions.iter().all(|subscription| subscription.topic.carries_envelopes())
    }
}

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
                let publishers = declared.map_or(&[][..], |message| message.publishers);
                assert!(!publishers.is_empty(), "nobody says {kind}");
            }
        }
    }

    #[test]
    fn the_history_takes_all_that_is_said() {
        let history = queue("worker-history").unwrap();
        for message in messages::ALL {
            assert!(history.subscriptions.iter().any(|subscription| subscription.brings(message)), "{}", message.kind);
        }
        assert!(history.carries_envelopes() && !queue("mailer-feedback").unwrap().carries_envelopes());
    }

    /// Said for whoever watches from outside, and for the history; no service acts upon it.
    const HEARD_OUTSIDE: [&str; 1] = [messages::SessionCompromised::TYPE];

    #[test]
    fn every_message_has_a_consumer() {
        for messages::Declared { kind, .. } in messages::ALL.iter().filter(|one| !HEARD_OUTSIDE.contains(&one.kind)) {
            assert!(QUEUES.iter().flat_map(|queue| queue.subscriptions).any(|s| s.types.contains(kind)), "{kind}");
        }
    }
}
