//! Model of the close of cycles while usage comes in late, which a checker walks through completely: is every event on
//! one invoice, and can each invoice be explained later by the events that it was made of?
//!
//! One tenant, whose usage is inserted by several transactions and whose cycles are closed by several processes; any of
//! them may stop between any two steps. A close is two transactions. The first cuts: it writes down how far the events
//! go that the cycle may take. The second, at any later time, makes the invoice of those that no earlier cycle may
//! take. Left out: in which order locks are waited for. Every order is walked through.

mod parties;
mod state;

pub use parties::{Closer, Cycle, EVENTS, Row, Taken, Writer};
pub use state::{CLOSERS, CYCLES, State, WRITERS};

use stateright::{Model, Property};

/// What a cycle may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Events up to the highest number. Writers share a lock of the tenant, and a cut has it alone: when it reads,
    /// every number that was drawn is committed or rolled back. Ours.
    Numbers,
    /// Events up to the highest number, without a lock.
    NumbersUnlocked,
    /// Events whose transaction began before the cut, under the same lock.
    ReceivedTime,
    /// As ours, but a cut is written whether or not the cycle has one.
    CutAgain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    WriterLocks { writer: usize, began: usize },
    WriterInserts { writer: usize, occurred: Cycle },
    WriterCommits { writer: usize },
    WriterIsRolledBack { writer: usize },
    CloserLocks { closer: usize, cycle: Cycle },
    CloserReadsTheBound { closer: usize },
    CloserCommitsTheCut { closer: usize },
    CloserTakesEvents { closer: usize, cycle: Cycle },
    CloserCommitsTheInvoice { closer: usize },
    CloserIsKilled { closer: usize },
}

pub struct Close(pub Protocol);

pub const ONCE: &str = "no event is on two invoices";
pub const BILLED: &str = "an event that a cycle may take is on an invoice, once all up to that cycle are made";
pub const EXPLAINED: &str = "an invoice has the same events whenever it is computed";

impl Model for Close {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for writer in 0..WRITERS {
            self.writer_actions(state, writer, actions);
        }
        for closer in 0..CLOSERS {
            self.closer_actions(state, closer, actions);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = last.clone();
        match action {
            Action::WriterLocks { writer, began } => next.writers[writer] = Writer::Locked { began },
            Action::WriterInserts { writer, occurred } => self.insert(&mut next, writer, occurred),
            Action::WriterCommits { writer } => next.commit(writer),
            Action::WriterIsRolledBack { writer } => next.roll_back(writer),
            Action::CloserLocks { closer, cycle } => next.closers[closer] = Closer::Locked { cycle },
            Action::CloserReadsTheBound { closer } => self.read_bound(&mut next, closer),
            Action::CloserCommitsTheCut { closer } => self.cut(&mut next, closer),
            Action::CloserTakesEvents { closer, cycle } => {
                next.closers[closer] = Closer::Invoices { cycle, taken: next.events_of(cycle) };
            }
            Action::CloserCommitsTheInvoice { closer } => next.invoice(closer),
            Action::CloserIsKilled { closer } => next.closers[closer] = Closer::Idle,
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONCE, |_, state: &State| (0..EVENTS).all(|event| state.invoices_with(event) <= 1)),
            Property::always(BILLED, |_, state: &State| {
                (0..EVENTS).all(|event| !state.is_due(event) || state.invoices_with(event) > 0)
            }),
            Property::always(EXPLAINED, |_, state: &State| {
                (0..CYCLES).all(|cycle| state.invoices[cycle].is_none_or(|taken| taken == state.events_of(cycle)))
            }),
            // Without these a model in which nothing ever happens would pass.
            Property::sometimes("every event is billed", |_, state: &State| {
                (0..EVENTS).all(|event| state.invoices_with(event) == 1)
            }),
            Property::sometimes("a late event is on the next invoice", |_, state: &State| {
                (0..EVENTS).any(|event| state.is_on(event, 1) && state.rows[event].is_some_and(|row| row.occurred == 0))
            }),
            Property::sometimes("an event ahead of a cut waits for its cycle", |_, state: &State| {
                (0..EVENTS).any(|event| state.is_on(event, 1) && state.rows[event].map(|row| row.mark) <= state.cuts[0])
            }),
            Property::sometimes("the next cycle has its invoice first", |_, state: &State| {
                matches!(state.invoices, [None, Some(_)])
            }),
        ]
    }
}

impl Close {
    fn writer_actions(&self, state: &State, writer: usize, actions: &mut Vec<Action>) {
        let numbers_are_left = state.rows.len() < EVENTS;
        match state.writers[writer] {
            Writer::Idle => {
                // Its transaction may have begun long before.
                let waits = self.has_lock() && state.closers.iter().any(|closer| closer.is_cutting());
                let times = (0..=state.clock).filter(|_| numbers_are_left && !waits);
                actions.extend(times.map(|began| Action::WriterLocks { writer, began }));
            }
            Writer::Locked { .. } => {
                let periods = (0..CYCLES).filter(|_| numbers_are_left);
                actions.extend(periods.map(|occurred| Action::WriterInserts { writer, occurred }));
                actions.extend([Action::WriterCommits { writer }, Action::WriterIsRolledBack { writer }]);
            }
        }
    }

    fn closer_actions(&self, state: &State, closer: usize, actions: &mut Vec<Action>) {
        match state.closers[closer] {
            Closer::Idle => {
                // A closer may have looked long ago, and come to a cycle that another has cut since.
                let cut = state.cuts.iter().flatten().count();
                let cycles = (0..CYCLES).filter(|cycle| *cycle <= cut && (!self.has_lock() || state.is_unlocked()));
                actions.extend(cycles.map(|cycle| Action::CloserLocks { closer, cycle }));
                let due = (0..cut).filter(|cycle| state.invoices[*cycle].is_none());
                actions.extend(due.map(|cycle| Action::CloserTakesEvents { closer, cycle }));
                return;
            }
            Closer::Locked { .. } => actions.push(Action::CloserReadsTheBound { closer }),
            Closer::Bounded { .. } => actions.push(Action::CloserCommitsTheCut { closer }),
            Closer::Invoices { .. } => actions.push(Action::CloserCommitsTheInvoice { closer }),
        }
        actions.push(Action::CloserIsKilled { closer });
    }

    fn has_lock(&self) -> bool {
        self.0 != Protocol::NumbersUnlocked
    }

    fn insert(&self, state: &mut State, writer: usize, occurred: Cycle) {
        let mark = match (self.0, state.writers[writer]) {
            (Protocol::ReceivedTime, Writer::Locked { began }) => began,
            _ => state.rows.len() + 1,
        };
        state.rows.push(Some(Row { uncommitted: Some(writer), mark, occurred }));
    }

    fn read_bound(&self, state: &mut State, closer: usize) {
        let Closer::Locked { cycle } = state.closers[closer] else { return };
        let committed = state.rows.iter().flatten().filter(|row| row.uncommitted.is_none());
        let bound = match self.0 {
            Protocol::ReceivedTime => state.clock,
            _ => committed.map(|row| row.mark).max().unwrap_or(0),
        };
        state.clock += usize::from(self.0 == Protocol::ReceivedTime);
        state.closers[closer] = Closer::Bounded { cycle, bound };
    }

    fn cut(&self, state: &mut State, closer: usize) {
        if let Closer::Bounded { cycle, bound } = state.closers[closer]
            && (state.cuts[cycle].is_none() || self.0 == Protocol::CutAgain)
        {
            state.cuts[cycle] = Some(bound);
        }
        state.closers[closer] = Closer::Idle;
    }
}

#[cfg(test)]
mod tests;
