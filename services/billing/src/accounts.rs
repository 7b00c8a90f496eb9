//! Accounts: who is billed, and where the invoices go.

pub mod store;

use crate::{calendar::Schedule, currency::Currency};

/// One tenant, as billing knows it.
#[derive(Clone, Debug)]
pub struct Account {
    pub name: String,
    /// Where invoices go.
    pub email: String,
    pub currency: Currency,
    /// When its cycles end.
    pub schedule: Schedule,
}
