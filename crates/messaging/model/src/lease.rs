//! Model of a job under a lease: attempts take it, lose it without knowing, and write how it ended.
//!
//! One job, three attempts at it, two of which are of the same worker. An operator may have a job that has ended run
//! again, which is another run.

use stateright::{Model, Property};

const ATTEMPTS: usize = 3;
const RUNS: usize = 2;
/// Crashes, put-offs, leases that end and answers that are lost in one history; more of them add states, not situations.
const FAULTS: u8 = 4;

/// What a write of an attempt must match to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// The lease: a number that each start makes anew. Ours.
    FencedByLease,
    /// The name of the worker.
    FencedByWorker,
    /// Nothing but the job.
    Unfenced,
}

/// The job's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Job {
    Queued,
    Running { by: usize, lease: u8, expired: bool },
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attempt {
    Idle,
    Works {
        lease: u8,
    },
    /// Will write the end of the job.
    Ends {
        lease: u8,
    },
    /// Will put the job off.
    PutsOff {
        lease: u8,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub job: Job,
    pub run: usize,
    /// Of the last start.
    pub lease: u8,
    pub attempts: [Attempt; ATTEMPTS],
    /// Ends that were told, for each run.
    pub told: [u8; RUNS],
    /// Somebody ended the job while another had the lease.
    pub ended_by_another: bool,
    pub faults: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    Takes {
        attempt: usize,
    },
    IsDone {
        attempt: usize,
    },
    MeetsAFault {
        attempt: usize,
    },
    WritesTheEnd {
        attempt: usize,
    },
    PutsItOff {
        attempt: usize,
    },
    /// The commit is done, and its answer is lost: the attempt will write again.
    WritesTheEndUnanswered {
        attempt: usize,
    },
    Crashes {
        attempt: usize,
    },
    LeaseEnds,
    OperatorRetries,
}

pub struct JobLease(pub Protocol);

pub const TOLD_ONCE: &str = "no run's end is told twice";
pub const STAYS_ENDED: &str = "a run that was told to have ended is not queued or running";
pub const BY_ITS_HOLDER: &str = "only whoever has the lease ends the job";

impl Model for JobLease {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            job: Job::Queued,
            run: 0,
            lease: 0,
            attempts: [Attempt::Idle; ATTEMPTS],
            told: [0; RUNS],
            ended_by_another: false,
            faults: 0,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let fault = state.faults < FAULTS;
        for attempt in 0..ATTEMPTS {
            match state.attempts[attempt] {
                Attempt::Idle if state.is_free() => actions.push(Action::Takes { attempt }),
                Attempt::Idle => {}
                Attempt::Works { .. } => {
                    actions.push(Action::IsDone { attempt });
                    actions.extend(fault.then_some(Action::MeetsAFault { attempt }));
                }
                Attempt::Ends { .. } => {
                    actions.push(Action::WritesTheEnd { attempt });
                    actions.extend(fault.then_some(Action::WritesTheEndUnanswered { attempt }));
                }
                Attempt::PutsOff { .. } => actions.push(Action::PutsItOff { attempt }),
            }
            if fault && state.attempts[attempt] != Attempt::Idle {
                actions.push(Action::Crashes { attempt });
            }
        }
        if fault && matches!(state.job, Job::Running { expired: false, .. }) {
            actions.push(Action::LeaseEnds);
        }
        if state.job == Job::Ended && state.run + 1 < RUNS {
            actions.push(Action::OperatorRetries);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = last.clone();
        match action {
            Action::Takes { attempt } => next.take(attempt),
            Action::IsDone { attempt } => next.attempts[attempt] = Attempt::Ends { lease: next.lease_of(attempt) },
            Action::MeetsAFault { attempt } => {
                next.faults += 1;
                next.attempts[attempt] = Attempt::PutsOff { lease: next.lease_of(attempt) };
            }
            Action::WritesTheEnd { attempt } => {
                self.end(&mut next, attempt);
                next.attempts[attempt] = Attempt::Idle;
            }
            Action::WritesTheEndUnanswered { attempt } => {
                next.faults += 1;
                self.end(&mut next, attempt);
            }
            Action::PutsItOff { attempt } => {
                if self.counts(&next, attempt) {
                    next.job = Job::Queued;
                }
                next.attempts[attempt] = Attempt::Idle;
            }
            Action::Crashes { attempt } => {
                next.faults += 1;
                next.attempts[attempt] = Attempt::Idle;
            }
            Action::LeaseEnds => next.expire(),
            Action::OperatorRetries => {
                next.run += 1;
                next.job = Job::Queued;
            }
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(TOLD_ONCE, |_, state: &State| state.told.iter().all(|told| *told <= 1)),
            Property::always(STAYS_ENDED, |_, state: &State| state.told[state.run] == 0 || state.job == Job::Ended),
            Property::always(BY_ITS_HOLDER, |_, state: &State| !state.ended_by_another),
            // Without these a model in which nothing ever happens would pass.
            Property::sometimes("both runs end", |_, state: &State| state.told == [1; RUNS]),
            Property::sometimes("somebody works on what another has taken over", |_, state: &State| {
                let works = |attempt: &&Attempt| matches!(attempt, Attempt::Works { .. });
                state.attempts.iter().filter(works).count() > 1
            }),
        ]
    }
}

impl JobLease {
    /// Whether PostgreSQL finds the row that the attempt writes to.
    fn counts(&self, state: &State, attempt: usize) -> bool {
        match (self.0, state.job) {
            (Protocol::Unfenced, _) => true,
            (Protocol::FencedByWorker, Job::Running { by, .. }) => worker_of(by) == worker_of(attempt),
            (Protocol::FencedByLease, Job::Running { lease, .. }) => lease == state.lease_of(attempt),
            _ => false,
        }
    }

    fn end(&self, state: &mut State, attempt: usize) {
        if self.counts(state, attempt) {
            state.ended_by_another |=
                matches!(state.job, Job::Running { lease, .. } if lease != state.lease_of(attempt));
            state.job = Job::Ended;
            state.told[state.run] += 1;
        }
    }
}

/// The first two attempts are of one worker.
fn worker_of(attempt: usize) -> usize {
    attempt / 2
}

impl State {
    fn is_free(&self) -> bool {
        matches!(self.job, Job::Queued | Job::Running { expired: true, .. })
    }

    fn take(&mut self, attempt: usize) {
        self.lease += 1;
        self.job = Job::Running { by: attempt, lease: self.lease, expired: false };
        self.attempts[attempt] = Attempt::Works { lease: self.lease };
    }

    fn expire(&mut self) {
        self.faults += 1;
        if let Job::Running { expired, .. } = &mut self.job {
            *expired = true;
        }
    }

    fn lease_of(&self, attempt: usize) -> u8 {
        match self.attempts[attempt] {
            Attempt::Idle => 0,
            Attempt::Works { lease } | Attempt::Ends { lease } | Attempt::PutsOff { lease } => lease,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histories::{assert_safe, counter_example};

    fn history(protocol: Protocol, property: &'static str) -> Vec<Action> {
        counter_example(|| JobLease(protocol), &protocol, property)
    }

    #[test]
    fn without_a_fence_whoever_lost_the_job_ends_it_once_more() {
        assert!(history(Protocol::Unfenced, TOLD_ONCE).len() > 2);
        assert!(history(Protocol::Unfenced, STAYS_ENDED).contains(&Action::PutsItOff { attempt: 0 }));
    }

    #[test]
    fn a_workers_name_is_no_fence_against_its_own_earlier_attempt() {
        let history = history(Protocol::FencedByWorker, BY_ITS_HOLDER);
        let took = |attempt| history.contains(&Action::Takes { attempt });
        assert!(took(0) && took(1), "{history:?}");
    }

    #[test]
    fn a_lease_of_its_own_for_each_start_is_safe_in_every_history() {
        assert_safe(JobLease(Protocol::FencedByLease));
    }
}
