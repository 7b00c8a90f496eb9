//! What the database and the processes hold, and what can be seen in it.

use crate::parties::{Closer, Cycle, Row, Taken, Writer};

/// Cycles that are closed.
pub const CYCLES: usize = 2;
pub const WRITERS: usize = 2;
pub const CLOSERS: usize = 2;

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    /// Events in the order of their numbers, which are drawn from a sequence. The number of a row that was rolled back
    /// is drawn by no other.
    pub rows: Vec<Option<Row>>,
    pub writers: [Writer; WRITERS],
    pub closers: [Closer; CLOSERS],
    /// The highest mark that each cycle may take.
    pub cuts: [Option<usize>; CYCLES],
    pub invoices: [Option<Taken>; CYCLES],
    /// Goes on with each cut, where received times count.
    pub clock: usize,
}

impl State {
    pub(super) fn is_unlocked(&self) -> bool {
        let shared = self.writers.iter().any(|writer| matches!(writer, Writer::Locked { .. }));
        !shared && !self.closers.iter().any(|closer| closer.is_cutting())
    }

    pub(super) fn commit(&mut self, writer: usize) {
        let own = self.rows.iter_mut().flatten().filter(|row| row.uncommitted == Some(writer));
        own.for_each(|row| row.uncommitted = None);
        self.writers[writer] = Writer::Idle;
    }

    pub(super) fn roll_back(&mut self, writer: usize) {
        let own = self.rows.iter_mut().filter(|row| row.is_some_and(|row| row.uncommitted == Some(writer)));
        own.for_each(|row| *row = None);
        self.writers[writer] = Writer::Idle;
    }

    /// The database keeps one invoice of a cycle: whoever comes second has worked for nothing.
    pub(super) fn invoice(&mut self, closer: usize) {
        if let Closer::Invoices { cycle, taken } = self.closers[closer] {
            self.invoices[cycle].get_or_insert(taken);
        }
        self.closers[closer] = Closer::Idle;
    }

    /// Whether the event is one that the cycle may take, or that an earlier one might have.
    pub(super) fn may_be_taken(&self, event: usize, cycle: Cycle) -> bool {
        self.rows
            .get(event)
            .copied()
            .flatten()
            .is_some_and(|row| row.uncommitted.is_none() && Some(row.mark) <= self.cuts[cycle] && row.occurred <= cycle)
    }

    /// What the invoice of the cycle is made of, as far as can be seen now.
    pub(super) fn events_of(&self, cycle: Cycle) -> Taken {
        std::array::from_fn(|event| {
            self.may_be_taken(event, cycle) && !(0..cycle).any(|earlier| self.may_be_taken(event, earlier))
        })
    }

    pub(super) fn is_due(&self, event: usize) -> bool {
        let invoiced = self.invoices.iter().take_while(|invoice| invoice.is_some()).count();
        (0..invoiced).any(|cycle| self.may_be_taken(event, cycle))
    }

    pub(super) fn is_on(&self, event: usize, cycle: Cycle) -> bool {
        self.invoices[cycle].is_some_and(|taken| taken[event])
    }

    pub(super) fn invoices_with(&self, event: usize) -> usize {
        (0..CYCLES).filter(|cycle| self.is_on(event, *cycle)).count()
    }
}
