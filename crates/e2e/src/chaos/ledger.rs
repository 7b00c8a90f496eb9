//! Was this answer right? A check counts as made under a revocation if it was sent after the revocation was answered, and answered before
//! anything was given again; then it must not be allowed.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// Mistakes that are told in full; the others are only counted.
const TOLD: usize = 10;

/// Whoever is given something and loses it again: a person in one way, or a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject(usize);

/// What was known of a subject when a check was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    subject: Subject,
    /// Counts what happened to it.
    moment: u64,
    revoked: bool,
}

/// What a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Allowed,
    /// 401 or 403.
    Refused,
    /// 503: the service does not know.
    Unknown,
    /// The connection failed.
    Silence,
}

#[derive(Default)]
pub struct Ledger(Mutex<Books>);

#[derive(Default)]
pub struct Books {
    subjects: Vec<State>,
    /// While true no revocation can be confirmed: the only replica is dead. With the number of its deaths and returns.
    alone: (bool, u64),
    /// Answered revocations, by how they were made.
    pub revocations: BTreeMap<&'static str, u64>,
    /// Revocations answered with 503 `revoke_unconfirmed`, to be repeated.
    pub unconfirmed: u64,
    /// Keys taken out of Redis one by one.
    pub evicted: u64,
    /// How often fillers were held up.
    pub held_up: u64,
    pub checks: u64,
    /// Of these, checks made under a revocation.
    pub under: BTreeMap<Outcome, u64>,
    pub stale: u64,
    /// What has gone wrong last.
    pub scene: &'static str,
    /// What must not happen, in words.
    pub mistakes: Vec<String>,
    untold: u64,
}

#[derive(Default)]
struct State {
    moment: u64,
    revoked_at: Option<Instant>,
}

impl Ledger {
    pub fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody new, who may be allowed.
    pub fn enter(&self) -> Subject {
        let mut books = self.books();
        books.subjects.push(State::default());
        Subject(books.subjects.len() - 1)
    }

    /// Something is about to be given: from now on being allowed is right.
    pub fn gives(&self, subject: Subject) {
        self.books().at(subject).turn(None);
    }

    /// A revocation was answered: from now on being allowed is wrong; and so is the answer if no replica could confirm it.
    pub fn revoked(&self, subject: Subject, way: &'static str, alone: bool) {
        let mut books = self.books();
        if alone {
            books.mistake(format!("'{way}' was answered although no replica was there to confirm it"));
        }
        books.at(subject).turn(Some(Instant::now()));
        *books.revocations.entry(way).or_default() += 1;
    }

    pub fn sends(&self, subject: Subject) -> Sent {
        let mut books = self.books();
        let state = books.at(subject);
        Sent { subject, moment: state.moment, revoked: state.revoked_at.is_some() }
    }

    /// Judges the answer to a check of `what`.
    pub fn answered(&self, sent: Sent, what: &str, outcome: Outcome) {
        let mut books = self.books();
        books.checks += 1;
        let state = books.at(sent.subject);
        let Some(revoked_at) = state.revoked_at.filter(|_| sent.revoked && sent.moment == state.moment) else { return };
        *books.under.entry(outcome).or_default() += 1;
        if outcome == Outcome::Allowed {
            books.stale += 1;
            let since = revoked_at.elapsed().as_millis();
            books.mistake(format!(
                "stale: {what} was allowed; its revocation had been answered {since} ms before that answer"
            ));
        }
    }

    pub fn mistake(&self, what: String) {
        self.books().mistake(what);
    }

    /// The replica is gone, or is about to come back.
    pub fn replica_gone(&self, gone: bool) {
        let mut books = self.books();
        books.alone = (gone, books.alone.1 + 1);
    }

    /// To be asked when a revocation is sent and when it is answered: if both times the same, nobody could confirm it.
    pub fn alone(&self) -> Option<u64> {
        let (alone, number) = self.books().alone;
        alone.then_some(number)
    }

    pub fn unconfirmed(&self) {
        self.books().unconfirmed += 1;
    }
}

impl Books {
    fn at(&mut self, subject: Subject) -> &mut State {
        &mut self.subjects[subject.0]
    }

    fn mistake(&mut self, what: String) {
        if self.mistakes.len() < TOLD {
            self.mistakes.push(format!("{what} (last fault: {})", self.scene))
        } else {
            self.untold += 1
        }
    }

    pub fn mistakes(&self) -> u64 {
        self.mistakes.len() as u64 + self.untold
    }

    pub fn answered_revocations(&self) -> u64 {
        self.revocations.values().sum()
    }
}

impl State {
    fn turn(&mut self, revoked_at: Option<Instant>) {
        self.moment += 1;
        self.revoked_at = revoked_at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(story: impl FnOnce(&Ledger, Subject)) -> Books {
        let ledger = Ledger::default();
        let subject = ledger.enter();
        ledger.gives(subject);
        story(&ledger, subject);
        ledger.0.into_inner().unwrap()
    }

    #[test]
    fn allowed_after_the_answer_is_stale() {
        let books = judged(|ledger, bob| {
            ledger.revoked(bob, "grant", false);
            let sent = ledger.sends(bob);
            ledger.answered(sent, "bob at billing", Outcome::Allowed);
        });
        assert_eq!((books.stale, books.mistakes(), books.answered_revocations()), (1, 1, 1));
        assert!(books.mistakes[0].contains("bob at billing"));
    }

    #[test]
    fn sent_before_the_answer_may_be_allowed_after_it() {
        let books = judged(|ledger, bob| {
            let sent = ledger.sends(bob);
            ledger.revoked(bob, "grant", false);
            ledger.answered(sent, "", Outcome::Allowed);
        });
        assert_eq!((books.stale, books.checks, books.under.len()), (0, 1, 0));
    }

    #[test]
    fn answered_after_it_was_given_again_may_be_allowed() {
        let books = judged(|ledger, bob| {
            ledger.revoked(bob, "grant", false);
            let sent = ledger.sends(bob);
            ledger.gives(bob);
            ledger.answered(sent, "", Outcome::Allowed);
            // Nor is it held against the next revocation, after which it was not sent.
            ledger.revoked(bob, "grant", false);
            ledger.answered(sent, "", Outcome::Allowed);
        });
        assert_eq!((books.stale, books.checks), (0, 2));
    }

    #[test]
    fn one_subject_is_not_another() {
        let books = judged(|ledger, bob| {
            let eve = ledger.enter();
            ledger.revoked(bob, "grant", false);
            let sent = ledger.sends(eve);
            ledger.answered(sent, "", Outcome::Allowed);
        });
        assert_eq!(books.stale, 0);
    }

    #[test]
    fn refusals_and_not_knowing_are_right_and_counted_apart() {
        let books = judged(|ledger, bob| {
            ledger.revoked(bob, "grant", false);
            for outcome in [Outcome::Refused, Outcome::Refused, Outcome::Unknown, Outcome::Silence] {
                ledger.answered(ledger.sends(bob), "", outcome);
            }
        });
        assert_eq!(books.under, BTreeMap::from([(Outcome::Refused, 2), (Outcome::Unknown, 1), (Outcome::Silence, 1)]));
        assert_eq!((books.stale, books.mistakes()), (0, 0));
    }

    #[test]
    fn the_death_of_the_replica_is_told_from_the_next_one() {
        let ledger = Ledger::default();
        assert_eq!(ledger.alone(), None);
        ledger.replica_gone(true);
        let first = ledger.alone();
        ledger.replica_gone(false);
        assert_eq!(ledger.alone(), None);
        ledger.replica_gone(true);
        assert!(first.is_some() && ledger.alone().is_some() && ledger.alone() != first);
    }
}
