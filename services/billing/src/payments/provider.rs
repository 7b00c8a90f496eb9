//! The port: what billing asks of whoever charges payment methods, and how each answer is sorted.

use crate::currency::Currency;
use std::{collections::HashMap, fmt, time::Duration};
use uuid::Uuid;

/// Names an attempt, here and at the provider: the same key is the same attempt, however often it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChargeKey {
    pub invoice_id: Uuid,
    pub attempt: i32,
}

impl fmt::Display for ChargeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.invoice_id, self.attempt)
    }
}

impl ChargeKey {
    /// Under which names the provider keeps it.
    pub const INVOICE: &'static str = "invoice_id";
    pub const ATTEMPT: &'static str = "attempt";

    /// Read from what the provider keeps; `None` if the charge is not one of ours.
    pub fn read(metadata: &HashMap<String, String>) -> Option<Self> {
        let invoice_id = metadata.get(Self::INVOICE)?.parse().ok()?;
        let attempt = metadata.get(Self::ATTEMPT)?.parse().ok()?;
        Some(Self { invoice_id, attempt })
    }
}

/// An order to charge: a repetition is word for word the same.
#[derive(Clone, Debug)]
pub struct ChargeOrder {
    pub key: ChargeKey,
    pub customer_id: String,
    pub method_id: String,
    /// In the currency's minor unit (ISO 4217).
    pub amount_minor: i64,
    pub currency: Currency,
    /// When the attempt began, in seconds since 1970: charges before that are of others.
    pub begun_at: i64,
}

/// What has become of an order.
#[derive(Clone, Debug, PartialEq)]
pub struct Charge {
    /// The provider's name of it; absent where it was refused before it had one.
    pub intent_id: Option<String>,
    /// Absent if it is none of ours.
    pub key: Option<ChargeKey>,
    pub state: ChargeState,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ChargeState {
    /// This was received, in the provider's units.
    Succeeded { amount: i64, currency: String },
    /// The bank takes its time; the end is told later.
    Pending,
    /// Final for this attempt: the customer must confirm it, which nobody waits for here.
    ActionRequired { code: String },
    /// Final for this attempt.
    Declined { code: String },
    /// Final: the provider takes no such amount, whatever it is charged to.
    NotChargeable { code: String },
    /// Final: it was ended, or all of it paid back, by somebody who may; the customer has refused nothing.
    Canceled { code: String },
    /// It exists, in a state that is not known here: asked for again, and an operator is told.
    Unclear { status: String },
}

/// No answer that says what has become of an order. It uses up no attempt.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Fault {
    /// May be otherwise in a moment: the same order is sent again, under the same key.
    #[error("the payment provider gave no outcome: {reason}")]
    Passing { reason: String, retry_after: Option<Duration> },
    /// Ours: the key, its rights, or how we ask. An operator must look.
    #[error("the payment provider refuses what we ask: {reason}")]
    Configuration { reason: String },
    /// There is no such charge.
    #[error("the payment provider knows no such charge")]
    Missing,
}

impl Fault {
    pub fn passing(reason: impl Into<String>) -> Self {
        Self::Passing { reason: reason.into(), retry_after: None }
    }
}

/// Whose customers the provider looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub id: String,
    /// Whether money is moved: live and test mode have customers of their own.
    pub live: bool,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} mode)", self.id, if self.live { "live" } else { "test" })
    }
}

/// Charges payment methods. Every method may be called again after any fault.
pub trait PaymentProvider: Sync {
    /// The order's amount in the provider's units; `None` if it cannot be charged there.
    fn amount(&self, amount_minor: i64, currency: &Currency) -> Option<i64>;

    /// Whose customers it looks for.
    fn account(&self) -> impl Future<Output = Result<Account, Fault>> + Send;

    /// Charges once for each key, as long as the provider remembers keys ([`PaymentProvider::REMEMBERS`]).
    fn charge(&self, order: &ChargeOrder) -> impl Future<Output = Result<Charge, Fault>> + Send;

    /// What has become of an order of which no answer came; `None` if none has arrived.
    fn find(&self, order: &ChargeOrder) -> impl Future<Output = Result<Option<Charge>, Fault>> + Send;

    /// What has become of a charge whose name is known.
    fn retrieve(&self, intent_id: &str) -> impl Future<Output = Result<Charge, Fault>> + Send;

    /// Has a charge take no money any more, and gives what has become of it: it may have been too late for that.
    fn cancel(&self, intent_id: &str) -> impl Future<Output = Result<Charge, Fault>> + Send;

    /// After this a key is not sent again: the provider might charge once more.
    const REMEMBERS: Duration;
}
