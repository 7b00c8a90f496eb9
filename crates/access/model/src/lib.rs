//! Model of the permission cache, which a checker walks through completely: whether it ever allows what an answered
//! revoke took.
//!
//! It is the protocol of the crate `access`, reduced to one principal and one permission: PostgreSQL is a bit, Redis a
//! record and a stamp with a replica that lags behind, and every process may stop between any two steps. Left out,
//! because it only makes allowing harder: the tenant's stamp (a second stamp of the same kind), the session key, and
//! lifetimes (an expiry is an eviction).

mod redis;

pub use redis::{Record, Redis, Stamp};

use redis::Server;
use stateright::{Model, Property};

/// Fillers that work at the same time; with two, one may hold what the other has made stale.
const FILLERS: usize = 2;
/// Faults of Redis in one history; more of them add states, not situations.
const FAULTS: u8 = 2;

/// How a revocation takes effect in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// The naive one: delete the record, then answer.
    DeleteRecord,
    /// Write a new stamp, then answer.
    NewStamp,
    /// Write a new stamp, wait until the replica has it, then answer: ours.
    NewStampReplicated,
}

/// One process that fills the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Filler {
    Idle,
    /// Has read the stamp, not yet the database.
    Stamped(Stamp),
    /// Has read the database too, and will write this record some time.
    Filled(Record),
    /// Has written, or crashed.
    Stopped,
}

/// The process that revokes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Revoker {
    Idle,
    Committed,
    /// Redis has been told; the answer waits for the replica if the protocol says so.
    Told(Option<Stamp>),
    Answered,
    Crashed,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// What PostgreSQL says.
    pub granted: bool,
    pub redis: Server,
    pub fillers: [Filler; FILLERS],
    pub revoker: Revoker,
    pub faults: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    FillerReadsStamp(usize),
    FillerReadsDatabase(usize, Stamp),
    FillerWritesRecord(usize, Record),
    FillerCrashes(usize),
    RevokerCommits,
    RevokerTellsRedis,
    RevokerAnswers,
    RevokerCrashes,
    Replicate,
    EvictRecord,
    EvictStamp,
    FailOver,
    RestartEmpty,
}

pub struct AccessCache(pub Protocol);

pub const SAFETY: &str = "no allow after an answered revoke";

impl Model for AccessCache {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            granted: true,
            redis: Server::default(),
            fillers: [Filler::Idle; FILLERS],
            revoker: Revoker::Idle,
            faults: 0,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (index, filler) in state.fillers.iter().enumerate() {
            actions.extend(match filler {
                Filler::Idle => Some(Action::FillerReadsStamp(index)),
                Filler::Stamped(stamp) => Some(Action::FillerReadsDatabase(index, *stamp)),
                Filler::Filled(record) => Some(Action::FillerWritesRecord(index, *record)),
                Filler::Stopped => None,
            });
            if *filler != Filler::Stopped {
                actions.push(Action::FillerCrashes(index));
            }
        }
        actions.extend(match state.revoker {
            Revoker::Idle => vec![Action::RevokerCommits],
            Revoker::Committed => vec![Action::RevokerTellsRedis, Action::RevokerCrashes],
            Revoker::Told(stamp) if self.may_answer(state, stamp) => {
                vec![Action::RevokerAnswers, Action::RevokerCrashes]
            }
            Revoker::Told(_) => vec![Action::RevokerCrashes],
            Revoker::Answered | Revoker::Crashed => Vec::new(),
        });
        if state.redis.lags() {
            actions.push(Action::Replicate);
        }
        if state.faults < FAULTS {
            actions.extend([Action::EvictRecord, Action::EvictStamp, Action::FailOver, Action::RestartEmpty]);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = last.clone();
        match action {
            Action::FillerReadsStamp(index) => next.fillers[index] = Filler::Stamped(next.redis.stamp_or_new()),
            Action::FillerReadsDatabase(index, stamp) => {
                next.fillers[index] = Filler::Filled(Record { stamp, allowed: next.granted });
            }
            Action::FillerWritesRecord(index, record) => {
                next.redis.write_record(record);
                next.fillers[index] = Filler::Stopped;
            }
            Action::FillerCrashes(index) => next.fillers[index] = Filler::Stopped,
            Action::RevokerCommits => {
                next.granted = false;
                next.revoker = Revoker::Committed;
            }
            Action::RevokerTellsRedis => next.revoker = Revoker::Told(self.tell(&mut next.redis)),
            Action::RevokerAnswers => next.revoker = Revoker::Answered,
            Action::RevokerCrashes => next.revoker = Revoker::Crashed,
            Action::Replicate => next.redis.replicate(),
            Action::EvictRecord | Action::EvictStamp | Action::FailOver | Action::RestartEmpty => next.fault(action),
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(SAFETY, |_, state: &State| state.revoker != Revoker::Answered || !state.redis.allows()),
            // Without these a model in which nothing ever happens would pass.
            Property::sometimes("the cache allows what is granted", |_, state: &State| {
                state.granted && state.redis.allows()
            }),
            Property::sometimes("a revoke is answered", |_, state: &State| state.revoker == Revoker::Answered),
            Property::sometimes("a slow filler writes after the answer", |_, state: &State| {
                state.revoker == Revoker::Answered && state.redis.holds_stale_record()
            }),
        ]
    }
}

impl AccessCache {
    fn tell(&self, redis: &mut Server) -> Option<Stamp> {
        if self.0 == Protocol::DeleteRecord {
            redis.delete_record();
            return None;
        }
        Some(redis.new_stamp())
    }

    fn may_answer(&self, state: &State, stamp: Option<Stamp>) -> bool {
        self.0 != Protocol::NewStampReplicated || stamp.is_some_and(|stamp| state.redis.replicated(stamp))
    }
}

impl State {
    fn fault(&mut self, action: Action) {
        self.faults += 1;
        match action {
            Action::EvictRecord => return self.redis.delete_record(),
            Action::EvictStamp => return self.redis.delete_stamp(),
            Action::FailOver => self.redis.fail_over(),
            _ => self.redis.restart_empty(),
        }
        // Its connection broke before the replica confirmed: it cannot know, and tells Redis again.
        if let Revoker::Told(_) = self.revoker {
            self.revoker = Revoker::Committed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stateright::Checker;

    /// No naive protocol holds out for longer.
    const DEEPEST: usize = 20;

    /// The shortest history in which the protocol allows what was revoked. The checker itself remembers the last one
    /// that it found of some length, so it is given one step more at a time.
    #[expect(clippy::print_stdout, reason = "the counter-example is what the test is for")]
    fn counter_example(protocol: Protocol) -> Vec<Action> {
        let found = (2..DEEPEST).find_map(|depth| {
            let checker = AccessCache(protocol).checker().target_max_depth(depth).spawn_bfs().join();
            checker.discovery(SAFETY).map(|path| path.into_actions())
        });
        let actions = found.unwrap();
        println!("{protocol:?} allows a revoked permission after {} steps:", actions.len());
        for (step, action) in actions.iter().enumerate() {
            println!("  {}. {action:?}", step + 1);
        }
        actions
    }

    #[test]
    fn deleting_the_record_lets_a_slow_filler_write_it_back() {
        let actions = counter_example(Protocol::DeleteRecord);
        let position = |action| actions.iter().position(|step| *step == action);
        let written = actions.iter().position(|step| matches!(step, Action::FillerWritesRecord(..)));
        assert!(position(Action::RevokerCommits) < written, "{actions:?}");
    }

    #[test]
    fn a_stamp_that_no_replica_has_is_lost_in_a_failover() {
        assert!(counter_example(Protocol::NewStamp).contains(&Action::FailOver));
    }

    #[test]
    #[expect(clippy::print_stdout, reason = "how much was checked is part of the proof")]
    fn a_replicated_stamp_is_safe_in_every_history() {
        let checker = AccessCache(Protocol::NewStampReplicated).checker().threads(2).spawn_bfs().join();
        println!("{} states checked", checker.unique_state_count());
        checker.assert_properties();
    }
}
