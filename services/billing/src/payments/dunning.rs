//! Dunning: who has not paid is reminded, then suspended.

use super::{
    attempt_store,
    model::{Dunning, Outcome, PaymentState, Step},
    settling, standing_store,
    store::{self, Case},
};
use crate::app::App;
use common::db::TenantTx;
use contracts::{
    mails::{PaymentReminder, ReminderReason},
    messages::SendMail,
};
use messaging::OutboxError;

/// An attempt has failed.
pub async fn failed(tx: &mut TenantTx, app: &App, case: &Case, reason: ReminderReason) -> Result<(), OutboxError> {
    let dunning = case.dunning.unwrap_or_else(|| Dunning::begin(app.ambient.now()));
    advance(tx, app, case, dunning, reason).await
}

/// It is the invoice's turn, and it cannot be charged: a bank transfer is awaited.
pub async fn awaited(tx: &mut TenantTx, app: &App, case: &Case) -> Result<(), OutboxError> {
    let now = app.ambient.now();
    if case.dunning.is_none() && now < case.due_at {
        return Ok(store::put_off(tx, case.invoice_id, case.due_at, 0).await?);
    }
    let last = attempt_store::last_outcome(tx, case.invoice_id).await?;
    let dunning = case.dunning.unwrap_or_else(|| Dunning::begin(case.due_at));
    advance(tx, app, case, dunning, reason(last).unwrap_or(ReminderReason::Overdue)).await
}

/// What a customer is told of an attempt that ended like this.
pub fn reason(outcome: Option<Outcome>) -> Option<ReminderReason> {
    match outcome? {
        Outcome::Declined => Some(ReminderReason::Declined),
        Outcome::ActionRequired => Some(ReminderReason::ActionRequired),
        Outcome::Succeeded | Outcome::NotChargeable | Outcome::Canceled | Outcome::NotMade => None,
    }
}

/// Takes the step that is due, if one is.
async fn advance(
    tx: &mut TenantTx,
    app: &App,
    case: &Case,
    dunning: Dunning,
    reason: ReminderReason,
) -> Result<(), OutboxError> {
    let now = app.ambient.now();
    let Some((step, next)) = dunning.step(now) else {
        return Ok(store::set_dunning(tx, case.invoice_id, dunning, false).await?);
    };
    if step == Step::GiveUp {
        tracing::warn!(invoice_id = %case.invoice_id, "An invoice is given up");
        return Ok(store::settle(tx, case.invoice_id, PaymentState::Uncollectible, now).await?);
    }
    let suspended = step == Step::Suspend;
    store::set_dunning(tx, case.invoice_id, next, suspended).await?;
    let account = standing_store::lock_account(tx).await?;
    let mail = PaymentReminder {
        tenant_name: account.name,
        number: case.number.clone(),
        total: case.currency.major(case.total_minor),
        currency: case.currency.to_string(),
        reason,
        suspended_at: if suspended { now } else { next.suspends_at() },
        suspended,
    };
    let key = format!("payment-reminder:{}:{}", case.invoice_id, next.reminders);
    let order = SendMail { key, recipient: account.email, mail: mail.into(), expires_at: None };
    messaging::publish(tx, &order).await?;
    if suspended { settling::suspend(tx, app, case).await } else { Ok(()) }
}
