//! What callers are told when the payment provider gives no answer.

use super::provider::Fault;
use crate::app::App;
use common::problem::{Chain, Problem};

use super::stripe::Stripe;

/// Seconds after which a caller may ask again, where the provider names none.
const RETRY_AFTER: u32 = 10;
/// The same for what an operator must put right.
const RETRY_AFTER_CONFIGURATION: u32 = 600;

/// 503; a fault of ours is counted and logged for operators.
pub fn of(fault: Fault) -> Problem {
    let seconds = match &fault {
        Fault::Passing { retry_after, .. } => {
            tracing::warn!(error = %Chain(&fault), "The payment provider gave no answer");
            let seconds = retry_after.and_then(|pause| u32::try_from(pause.as_secs()).ok());
            seconds.unwrap_or(RETRY_AFTER).max(1)
        }
        Fault::Configuration { .. } | Fault::Missing => {
            metrics::counter!("payment_configuration_faults_total").increment(1);
            tracing::error!(error = %Chain(&fault), "The payment provider refuses what we ask; somebody must look");
            RETRY_AFTER_CONFIGURATION
        }
    };
    Problem::unavailable(seconds, "The payment provider cannot answer right now.")
}

/// # Errors
/// 409 `payments_not_configured` where no payment method can be charged.
pub fn stripe(app: &App) -> Result<&Stripe, Problem> {
    app.payments.stripe.as_ref().ok_or_else(|| {
        let detail = "Invoices are paid by bank transfer here: no payment method can be charged.";
        Problem::conflict("payments_not_configured", detail)
    })
}
