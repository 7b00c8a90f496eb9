//! The messages that a service takes from a queue, before there is anything to take them with.

use crate::Kit;
use contracts::messages::Message;
use messaging::{Aws, Consumer, EVERY, Handle, HandleEvery, HandleRaw, Mismatch, RAW};
use std::collections::BTreeSet;

/// The handlers of one queue; each is the service's `App`.
pub struct Handlers<A> {
    pub(crate) queue: &'static str,
    /// No product's worker takes from it.
    pub(crate) platforms_own: bool,
    types: BTreeSet<&'static str>,
    add: Vec<fn(Consumer, A) -> Consumer>,
}

impl<A: Clone> Handlers<A> {
    /// None yet, of the queue of that name in the topology.
    pub fn of(queue: &'static str) -> Self {
        Self { queue, platforms_own: false, types: BTreeSet::new(), add: Vec::new() }
    }

    /// Takes messages of type `M`.
    pub fn on<M: Message>(mut self) -> Self
    where
        A: Handle<M>,
    {
        self.types.insert(M::TYPE);
        self.add.push(|consumer, app| consumer.on::<M, A>(app));
        self
    }

    /// Takes every body of a queue that carries no envelopes.
    pub fn raw(mut self) -> Self
    where
        A: HandleRaw,
    {
        self.types.insert(RAW);
        self.add.push(|consumer, app| consumer.raw(app));
        self
    }

    /// Takes every message of the queue, whatever its type.
    pub fn every(mut self) -> Self
    where
        A: HandleEvery,
    {
        self.types.insert(EVERY);
        self.add.push(|consumer, app| consumer.every(app));
        self
    }

    /// Leaves the queue to the platform's own processes: a product's worker need not see what is in it.
    pub fn platforms_own(self) -> Self {
        Self { platforms_own: true, ..self }
    }

    /// Whether these are the handlers that the topology wants for the queue: a type without one would fill the
    /// dead-letter queue, and a handler without a subscription would never hear anything.
    pub(crate) fn check(&self) -> Result<(), Mismatch> {
        messaging::check(self.queue, &self.types)
    }

    pub(crate) fn consumer(self, aws: &Aws, kit: &Kit, app: &A) -> Result<Consumer, Mismatch> {
        self.check()?;
        let consumer = Consumer::new(aws, self.queue, kit.db.clone());
        Ok(self.add.into_iter().fold(consumer, |consumer, add| add(consumer, app.clone())))
    }
}
