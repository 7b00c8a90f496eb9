//! The rows of usage, and who works on them in which state.

/// Numbers that are drawn; more of them add states, not situations.
pub const EVENTS: usize = 3;

/// Of each row, whether an invoice has it.
pub type Taken = [bool; EVENTS];
/// Number of a cycle, or of the period of time that it bills.
pub type Cycle = usize;

/// An event's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Row {
    /// Whose transaction has inserted it and not ended; nobody else sees it.
    pub uncommitted: Option<usize>,
    /// What a cut compares with its bound: the row's number, or when its transaction began.
    pub mark: usize,
    /// In which period the event occurred.
    pub occurred: Cycle,
}

/// A transaction that inserts usage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Writer {
    #[default]
    Idle,
    /// Shares the lock of the tenant, until it ends.
    Locked { began: usize },
}

/// A process that closes cycles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Closer {
    #[default]
    Idle,
    /// Is about to cut the cycle, and has the lock of the tenant alone.
    Locked { cycle: Cycle },
    /// Has read how far the cycle may go, too.
    Bounded { cycle: Cycle, bound: usize },
    /// Has made an invoice of these events, and not committed it.
    Invoices { cycle: Cycle, taken: Taken },
}

impl Closer {
    pub(super) fn is_cutting(self) -> bool {
        matches!(self, Self::Locked { .. } | Self::Bounded { .. })
    }
}
