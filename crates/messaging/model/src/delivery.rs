//! Model of the way of messages: a commit, the outbox, the relay, SNS with SQS behind it, the consumer, the inbox.
//!
//! Two messages, two relays, two consumers. SQS is what AWS promises: a message is there until it is deleted, it may be
//! delivered to several, and more than once. Left out: failures that change nothing but the time they take.

mod faults;
mod parties;

pub use parties::{Consumer, Receipt, Relay, Row};

use stateright::{Model, Property};

const MESSAGES: usize = 2;
const RELAYS: usize = 2;
const CONSUMERS: usize = 2;
/// Crashes, leases that end early and duplicates in one history; more of them add states, not situations.
const FAULTS: u8 = 3;
/// Copies of one message in its queue.
const MOST_COPIES: u8 = 3;

/// How messages are sent and taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Rows are leased, and deleted once SNS has confirmed; inbox and effect are one commit; SQS is told after it.
    Ours,
    /// The relay deletes the row, then publishes.
    DeleteBeforeConfirm,
    /// The relay publishes what has a higher number than the last one; numbers are given before the commit.
    CursorPoll,
    /// The consumer commits the effect, then the inbox's row.
    EffectBeforeClaim,
    /// The consumer deletes from the queue, then commits the effect.
    AcknowledgeBeforeEffect,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub rows: [Row; MESSAGES],
    /// Of the relay that polls with one: below it nothing is looked for.
    pub cursor: usize,
    pub relays: [Relay; RELAYS],
    /// Copies that can be received.
    pub visible: [u8; MESSAGES],
    pub consumers: [Consumer; CONSUMERS],
    pub inbox: [bool; MESSAGES],
    pub effects: [u8; MESSAGES],
    pub faults: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    ProducerCommits { message: usize },
    RelayTakes { relay: usize, message: usize },
    RelayPublishes { relay: usize, message: usize },
    RelayDeletesRow { relay: usize, message: usize },
    RelayCrashes { relay: usize },
    RowLeaseEnds { message: usize },
    QueueDuplicates { message: usize },
    ConsumerReceives { consumer: usize, message: usize },
    VisibilityEnds { consumer: usize },
    ConsumerClaims { consumer: usize, message: usize },
    ConsumerCommits { consumer: usize, message: usize },
    ConsumerCommitsEffectAlone { consumer: usize, message: usize },
    ConsumerCommitsInboxAlone { consumer: usize, message: usize },
    ConsumerDeletes { consumer: usize, message: usize },
    ConsumerCrashes { consumer: usize },
}

pub struct Delivery(pub Protocol);

pub const ONCE: &str = "no message takes effect twice";
pub const KEPT: &str = "a committed message has taken effect or is still on its way";

impl Model for Delivery {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            rows: [Row::Unwritten; MESSAGES],
            cursor: 0,
            relays: [Relay::Idle; RELAYS],
            visible: [0; MESSAGES],
            consumers: [Consumer::Idle; CONSUMERS],
            inbox: [false; MESSAGES],
            effects: [0; MESSAGES],
            faults: 0,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for message in 0..MESSAGES {
            if state.rows[message] == Row::Unwritten {
                actions.push(Action::ProducerCommits { message });
            }
        }
        for relay in 0..RELAYS {
            self.relay_actions(state, relay, actions);
        }
        for consumer in 0..CONSUMERS {
            self.consumer_actions(state, consumer, actions);
        }
        if state.faults < FAULTS {
            state.faults_that_may_come(actions);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = last.clone();
        match action {
            Action::ProducerCommits { message } => next.rows[message] = Row::Waiting,
            Action::RelayTakes { relay, message } => self.take(&mut next, relay, message),
            Action::RelayPublishes { relay, message } => {
                next.visible[message] = MOST_COPIES.min(next.visible[message] + 1);
                next.relays[relay] = self.after_publishing(message);
            }
            Action::RelayDeletesRow { relay, message } => {
                next.rows[message] = Row::Deleted;
                next.relays[relay] = Relay::Idle;
            }
            Action::ConsumerReceives { consumer, message } => {
                next.visible[message] -= 1;
                next.consumers[consumer] = Consumer::Received(message, Receipt::Valid);
            }
            Action::ConsumerClaims { consumer, message } => {
                let receipt = next.consumers[consumer].receipt();
                next.consumers[consumer] = if next.inbox[message] {
                    Consumer::Done(message, receipt)
                } else {
                    Consumer::Claimed(message, receipt)
                };
            }
            Action::ConsumerCommits { consumer, message } => {
                next.inbox[message] = true;
                next.effects[message] += 1;
                next.consumers[consumer] = Consumer::Done(message, next.consumers[consumer].receipt());
            }
            Action::ConsumerCommitsEffectAlone { consumer, message } => {
                next.effects[message] += 1;
                next.consumers[consumer] = Consumer::Applied(message, next.consumers[consumer].receipt());
            }
            Action::ConsumerCommitsInboxAlone { consumer, message } => {
                next.inbox[message] = true;
                next.consumers[consumer] = Consumer::Done(message, next.consumers[consumer].receipt());
            }
            Action::ConsumerDeletes { consumer, message } => next.acknowledge(consumer, message),
            Action::RelayCrashes { .. }
            | Action::RowLeaseEnds { .. }
            | Action::QueueDuplicates { .. }
            | Action::VisibilityEnds { .. }
            | Action::ConsumerCrashes { .. } => next.fault(action),
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONCE, |_, state: &State| state.effects.iter().all(|effects| *effects <= 1)),
            Property::always(KEPT, |model: &Self, state: &State| {
                (0..MESSAGES).all(|message| {
                    let committed = state.rows[message] != Row::Unwritten;
                    !committed || state.effects[message] > 0 || model.is_on_its_way(state, message)
                })
            }),
            // Without these a model in which nothing ever happens would pass.
            Property::sometimes("every message takes effect", |_, state: &State| {
                state.effects.iter().all(|effects| *effects == 1)
            }),
            Property::sometimes("what took effect is delivered again", |_, state: &State| {
                (0..MESSAGES).any(|message| state.effects[message] == 1 && state.visible[message] > 0)
            }),
        ]
    }
}

impl Delivery {
    fn relay_actions(&self, state: &State, relay: usize, actions: &mut Vec<Action>) {
        match state.relays[relay] {
            Relay::Idle => {
                let found = (0..MESSAGES).find(|message| self.is_found(state, *message));
                actions.extend(found.map(|message| Action::RelayTakes { relay, message }));
            }
            Relay::Holds(message) => actions.push(Action::RelayPublishes { relay, message }),
            Relay::Published(message) => actions.push(Action::RelayDeletesRow { relay, message }),
        }
    }

    /// Whether a relay that looks for work comes upon the row.
    fn is_found(&self, state: &State, message: usize) -> bool {
        state.rows[message] == Row::Waiting && (self.0 != Protocol::CursorPoll || message >= state.cursor)
    }

    fn take(&self, state: &mut State, relay: usize, message: usize) {
        state.relays[relay] = Relay::Holds(message);
        match self.0 {
            Protocol::DeleteBeforeConfirm => state.rows[message] = Row::Deleted,
            Protocol::CursorPoll => state.cursor = message + 1,
            _ => state.rows[message] = Row::Leased,
        }
    }

    fn after_publishing(&self, message: usize) -> Relay {
        match self.0 {
            Protocol::DeleteBeforeConfirm | Protocol::CursorPoll => Relay::Idle,
            _ => Relay::Published(message),
        }
    }

    fn consumer_actions(&self, state: &State, consumer: usize, actions: &mut Vec<Action>) {
        match state.consumers[consumer] {
            Consumer::Idle => {
                let receivable = (0..MESSAGES).filter(|message| state.visible[*message] > 0);
                actions.extend(receivable.map(|message| Action::ConsumerReceives { consumer, message }));
            }
            Consumer::Received(message, receipt) => match self.0 {
                Protocol::EffectBeforeClaim if state.inbox[message] => {
                    actions.push(Action::ConsumerClaims { consumer, message });
                }
                Protocol::EffectBeforeClaim => actions.push(Action::ConsumerCommitsEffectAlone { consumer, message }),
                Protocol::AcknowledgeBeforeEffect if receipt != Receipt::Used => {
                    actions.push(Action::ConsumerDeletes { consumer, message });
                }
                _ if state.is_claimed(message) => {}
                _ => actions.push(Action::ConsumerClaims { consumer, message }),
            },
            Consumer::Claimed(message, _) => actions.push(Action::ConsumerCommits { consumer, message }),
            Consumer::Applied(message, _) => actions.push(Action::ConsumerCommitsInboxAlone { consumer, message }),
            Consumer::Done(message, _) => actions.push(Action::ConsumerDeletes { consumer, message }),
        }
    }

    /// Whether something that survives, or somebody who still lives, has it.
    fn is_on_its_way(&self, state: &State, message: usize) -> bool {
        let row = match state.rows[message] {
            Row::Waiting => self.is_found(state, message),
            Row::Leased => true,
            Row::Unwritten | Row::Deleted => false,
        };
        let held = state.relays.contains(&Relay::Holds(message));
        let received = state.consumers.iter().any(|consumer| consumer.holds(message));
        row || held || received || state.visible[message] > 0
    }
}

impl State {
    /// Whether an open transaction has the inbox's row of the message.
    fn is_claimed(&self, message: usize) -> bool {
        self.consumers.iter().any(|consumer| matches!(consumer, Consumer::Claimed(claimed, _) if *claimed == message))
    }

    /// Tells SQS, which does nothing for a receipt that is not valid any more.
    fn acknowledge(&mut self, consumer: usize, message: usize) {
        self.consumers[consumer] = match self.consumers[consumer] {
            // The naive one still has its effect to commit.
            Consumer::Received(..) => Consumer::Received(message, Receipt::Used),
            _ => Consumer::Idle,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histories::{assert_safe, counter_example};

    fn history(protocol: Protocol, property: &'static str) -> Vec<Action> {
        counter_example(|| Delivery(protocol), &protocol, property)
    }

    #[test]
    fn a_row_deleted_before_sns_confirms_is_lost_with_its_relay() {
        let history = history(Protocol::DeleteBeforeConfirm, KEPT);
        assert!(matches!(history.last(), Some(Action::RelayCrashes { .. })), "{history:?}");
    }

    #[test]
    fn a_cursor_passes_over_what_commits_late() {
        let history = history(Protocol::CursorPoll, KEPT);
        assert!(matches!(history.last(), Some(Action::ProducerCommits { message: 0 })), "{history:?}");
    }

    #[test]
    fn an_effect_before_its_claim_happens_twice() {
        history(Protocol::EffectBeforeClaim, ONCE);
    }

    #[test]
    fn a_message_deleted_before_its_effect_is_lost_with_its_consumer() {
        let history = history(Protocol::AcknowledgeBeforeEffect, KEPT);
        assert!(matches!(history.last(), Some(Action::ConsumerCrashes { .. })), "{history:?}");
    }

    #[test]
    fn ours_loses_nothing_and_doubles_nothing_in_any_history() {
        assert_safe(Delivery(Protocol::Ours));
    }
}
