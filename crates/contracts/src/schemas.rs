//! The contracts of everything that is said; the committed files under `openapi/events/` are made of this.

use crate::{contract::Contract, envelope::Envelope, jobs, messages};

/// Every message's, every job's payload, and of the envelope that surrounds all messages.
pub fn all() -> Vec<Contract> {
    let envelope = Contract::of::<Envelope>("envelope".to_owned());
    messages::contracts().into_iter().chain(jobs::contracts()).chain([envelope]).collect()
}
