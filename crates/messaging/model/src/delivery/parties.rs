//! Who has a message, and in which state of its work.

/// A message's row in the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Row {
    /// Its transaction has not committed.
    Unwritten,
    Waiting,
    Leased,
    Deleted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relay {
    Idle,
    /// Will publish the message.
    Holds(usize),
    /// SNS has confirmed it.
    Published(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Consumer {
    Idle,
    /// Has received the message and done nothing yet.
    Received(usize, Receipt),
    /// Has an open transaction with the inbox's row in it; another such transaction waits for its end.
    Claimed(usize, Receipt),
    /// Has committed the effect alone.
    Applied(usize, Receipt),
    /// Nothing is left to do but to tell SQS.
    Done(usize, Receipt),
}

/// What a consumer has in its hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Receipt {
    /// The copy in the queue is nobody else's.
    Valid,
    /// The visibility timeout is over: somebody else may receive the copy.
    Expired,
    /// The copy was deleted.
    Used,
}

impl Consumer {
    pub(super) fn receipt(self) -> Receipt {
        match self {
            Self::Idle => Receipt::Used,
            Self::Received(_, receipt)
            | Self::Claimed(_, receipt)
            | Self::Applied(_, receipt)
            | Self::Done(_, receipt) => receipt,
        }
    }

    pub(super) fn with(self, receipt: Receipt) -> Self {
        match self {
            Self::Idle => Self::Idle,
            Self::Received(message, _) => Self::Received(message, receipt),
            Self::Claimed(message, _) => Self::Claimed(message, receipt),
            Self::Applied(message, _) => Self::Applied(message, receipt),
            Self::Done(message, _) => Self::Done(message, receipt),
        }
    }

    pub(super) fn message(self) -> Option<usize> {
        match self {
            Self::Idle => None,
            Self::Received(message, _)
            | Self::Claimed(message, _)
            | Self::Applied(message, _)
            | Self::Done(message, _) => Some(message),
        }
    }

    pub(super) fn holds(self, message: usize) -> bool {
        self.message() == Some(message)
    }
}
