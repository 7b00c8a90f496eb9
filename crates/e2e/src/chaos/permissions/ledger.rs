//! Was this answer right? A check counts as made under a revocation if it was sent after the revocation was answered,
//! and answered before anything was given again; then it must not be allowed.

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

    /// A revocation was answered: from now on being allowed is wrong; and so is the answer if no replica could confirm
    /// it.
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

    #[derive(Clone, Copy)]
    enum Event {
        Given,
        Revoked,
        /// Another check.
        Sent,
        /// The last check is answered.
        Answered(Outcome),
    }
    use Event::{Answered, Given, Revoked, Sent};
    use Outcome::{Allowed, Refused, Silence, Unknown};

    /// What comes of a story about somebody who was given something.
    fn judged(story: &[Event]) -> Books {
        let ledger = Ledger::default();
        let (bob, mut sent) = (ledger.enter(), None);
        ledger.gives(bob);
        for event in story {
            match event {
                Given => ledger.gives(bob),
                Revoked => ledger.revoked(bob, "grant", false),
                Sent => sent = Some(ledger.sends(bob)),
                Answered(outcome) => ledger.answered(sent.unwrap(), "bob at billing", *outcome),
            }
        }
        ledger.0.into_inner().unwrap()
    }

    #[test]
    fn allowed_is_stale_if_it_was_sent_after_the_answer_and_answered_before_anything_was_given_again() {
        for (story, stale) in [
            (&[Revoked, Sent, Answered(Allowed)][..], 1),
            (&[Sent, Revoked, Answered(Allowed)], 0),
            (&[Revoked, Sent, Given, Answered(Allowed)], 0),
            // Nor is it held against the next revocation, after which it was not sent.
            (&[Revoked, Sent, Given, Revoked, Answered(Allowed)], 0),
        ] {
            let books = judged(story);
            assert_eq!((books.stale, books.mistakes(), books.checks), (stale, stale, 1));
            assert!(books.mistakes.iter().all(|mistake| mistake.contains("bob at billing")));
        }
    }

    #[test]
    fn one_subject_is_not_another() {
        let ledger = Ledger::default();
        let (bob, eve) = (ledger.enter(), ledger.enter());
        ledger.revoked(bob, "grant", false);
        ledger.answered(ledger.sends(eve), "", Allowed);
        assert_eq!(ledger.books().stale, 0);
    }

    #[test]
    fn refusals_and_not_knowing_are_right_and_counted_apart() {
        let outcomes = [Refused, Refused, Unknown, Silence].map(|outcome| [Sent, Answered(outcome)]);
        let books = judged(&[&[Revoked], outcomes.as_flattened()].concat());
        assert_eq!(books.under, BTreeMap::from([(Refused, 2), (Unknown, 1), (Silence, 1)]));
        assert_eq!((books.stale, books.mistakes(), books.answered_revocations()), (0, 0, 1));
    }

    #[test]
    fn a_revocation_that_nobody_could_confirm_is_a_mistake() {
        let ledger = Ledger::default();
        ledger.revoked(ledger.enter(), "grant", true);
        assert_eq!(ledger.books().mistakes(), 1);
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
