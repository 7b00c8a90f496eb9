//! Accounts: who is billed, in which currency and when, and where the invoices go.

pub mod store;

use crate::{calendar::Schedule, currency::Currency};

/// One tenant, as billing knows it.
#[derive(Clone, Debug)]
pub struct Account {
    pub currency: Currency,
    /// When its cycles end.
    pub schedule: Schedule,
}
