//! What may go wrong on the way, at every step: crashes, leases and visibility that end, duplicates.

use super::{Action, CONSUMERS, Consumer, MESSAGES, MOST_COPIES, RELAYS, Receipt, Relay, Row, State};

impl State {
    pub(super) fn faults_that_may_come(&self, actions: &mut Vec<Action>) {
        let relays = (0..RELAYS).filter(|relay| self.relays[*relay] != Relay::Idle);
        actions.extend(relays.map(|relay| Action::RelayCrashes { relay }));
        for message in 0..MESSAGES {
            if self.rows[message] == Row::Leased {
                actions.push(Action::RowLeaseEnds { message });
            }
            if self.visible[message] > 0 {
                actions.push(Action::QueueDuplicates { message });
            }
        }
        for consumer in 0..CONSUMERS {
            if self.consumers[consumer] != Consumer::Idle {
                actions.push(Action::ConsumerCrashes { consumer });
            }
            if self.consumers[consumer].receipt() == Receipt::Valid {
                actions.push(Action::VisibilityEnds { consumer });
            }
        }
    }

    pub(super) fn fault(&mut self, fault: Action) {
        self.faults += 1;
        match fault {
            Action::RelayCrashes { relay } => {
                // A lease that its relay did not live to end runs out; that is no other fault.
                if let Relay::Holds(message) | Relay::Published(message) = self.relays[relay]
                    && self.rows[message] == Row::Leased
                {
                    self.rows[message] = Row::Waiting;
                }
                self.relays[relay] = Relay::Idle;
            }
            Action::RowLeaseEnds { message } => self.rows[message] = Row::Waiting,
            Action::QueueDuplicates { message } => self.copy_comes_back(message),
            Action::VisibilityEnds { consumer } => {
                let held = self.consumers[consumer];
                self.consumers[consumer] = held.with(Receipt::Expired);
                held.message().into_iter().for_each(|message| self.copy_comes_back(message));
            }
            Action::ConsumerCrashes { consumer } => {
                let held = std::mem::replace(&mut self.consumers[consumer], Consumer::Idle);
                if held.receipt() == Receipt::Valid {
                    held.message().into_iter().for_each(|message| self.copy_comes_back(message));
                }
            }
            _ => {}
        }
    }

    fn copy_comes_back(&mut self, message: usize) {
        self.visible[message] = MOST_COPIES.min(self.visible[message] + 1);
    }
}
