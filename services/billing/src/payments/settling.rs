//! What a payment changes: its invoice is paid, and its tenant resumed; and what a lack of payment does.

use super::{
    model::PaymentState,
    payment_store::{self, Payment},
    standing_store::{self, Standing},
    store::{self, Case},
};
use crate::app::App;
use chrono::TimeDelta;
use common::db::{Background, TenantTx};
use contracts::messages::{AccountResumed, AccountSuspended};
use messaging::OutboxError;

/// How a tenant stands is said so often: whoever has missed it hears it then.
const SAID: TimeDelta = TimeDelta::days(1);

/// Keeps a payment of the whole invoice. The same one again changes nothing.
pub async fn receive(tx: &mut TenantTx, app: &App, case: &Case, payment: &Payment) -> Result<(), OutboxError> {
    if !payment_store::insert(tx, case.invoice_id, payment).await? {
        return Ok(());
    }
    if case.state == PaymentState::Paid {
        metrics::counter!("payments_in_excess_total").increment(1);
        tracing::error!(invoice_id = %case.invoice_id, payment_id = %payment.id,
            "An invoice was paid once more; somebody must pay it back");
        return Ok(());
    }
    let now = app.ambient.now();
    standing_store::lock_account(tx).await?;
    store::settle(tx, case.invoice_id, PaymentState::Paid, now).await?;
    if let Some(generation) = standing_store::resume(tx, now).await? {
        let resumed = AccountResumed { tenant_id: tx.tenant(), resumed_at: now, generation };
        messaging::publish(tx, &resumed).await?;
        tracing::info!(tenant_id = %tx.tenant(), "A tenant is resumed");
    }
    Ok(())
}

/// Suspends the tenant because of the invoice, unless it is suspended already. The account must be locked.
pub async fn suspend(tx: &mut TenantTx, app: &App, case: &Case) -> Result<(), OutboxError> {
    let suspended_at = app.ambient.now();
    let Some(generation) = standing_store::suspend(tx, suspended_at).await? else { return Ok(()) };
    let tenant_id = tx.tenant();
    let suspended = AccountSuspended { tenant_id, invoice_id: case.invoice_id, suspended_at, generation };
    messaging::publish(tx, &suspended).await?;
    tracing::warn!(%tenant_id, invoice_id = %case.invoice_id, "A tenant is suspended");
    Ok(())
}

/// Says again how one tenant stands, under the same generation; gives whether there may be more.
pub async fn say_again(app: &App, background: Background) -> Result<bool, OutboxError> {
    let now = app.ambient.now();
    let mut tx = background.begin_across_tenants(&app.db).await?;
    let Some(standing) = standing_store::say_again(&mut tx, now - SAID, now).await? else { return Ok(false) };
    let Standing { tenant_id, generation, changed_at, .. } = standing;
    let of_tenant = tx.narrow(tenant_id).await?;
    match standing.invoice_id.filter(|_| standing.is_suspended) {
        Some(invoice_id) => {
            let suspended = AccountSuspended { tenant_id, invoice_id, suspended_at: changed_at, generation };
            messaging::publish(of_tenant, &suspended).await?;
        }
        None => {
            messaging::publish(of_tenant, &AccountResumed { tenant_id, resumed_at: changed_at, generation }).await?;
        }
    }
    tx.commit().await?;
    Ok(true)
}
