//! What the document of an invoice is made of.

use crate::{
    accounts::details::Details,
    adjustments::Adjustment,
    calendar::TimeZone,
    invoices::store::{Invoice, Line},
    taxes::InvoiceTax,
};
use chrono::{DateTime, Utc};

/// What the buyer has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paying {
    Transfer,
    /// Nothing: a payment method is charged.
    Charged,
    /// Nothing any more.
    Paid,
}

/// All that the document of an invoice is made of.
#[derive(Clone, Debug)]
pub struct Facts {
    pub invoice: Invoice,
    pub number: String,
    pub lines: Vec<Line>,
    /// In the order in which they are made.
    pub adjustments: Vec<Adjustment>,
    pub taxes: Vec<InvoiceTax>,
    /// Until when the invoice is to be paid.
    pub due_at: DateTime<Utc>,
    pub paying: Paying,
    pub buyer: Details,
    /// The account's address, where its details have none.
    pub email: String,
    /// By whose clocks the days are those of the buyer.
    pub zone: TimeZone,
}
