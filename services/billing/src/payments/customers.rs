//! The tenant's customer at Stripe. We make it, so it is nobody else's, and what is attached to it was given for this
//! tenant.

use super::{
    account,
    method_store::{self, Method},
    problems,
    provider::Fault,
    stripe::{Setup, Stripe},
};
use crate::{accounts, app::App};
use common::{
    db::TenantScope,
    problem::{Problem, constraint},
};
use contracts::id::TenantId;

/// Customers that one call makes: a second one if Stripe has the first no more.
const MOST_MADE: u8 = 2;

/// What a browser needs to give Stripe a payment method for the tenant. No transaction is open meanwhile.
pub async fn set_up(app: &App, tenant: TenantId, scope: &TenantScope, stripe: &Stripe) -> Result<Setup, Problem> {
    account::check(app, stripe).await?.map_err(problems::of)?;
    let mut known = find(scope).await?;
    for _ in 0..MOST_MADE {
        let customer = match known {
            Some(known) => known,
            None => keep(app, scope, &made(stripe, tenant, 0).await?, 0).await?,
        };
        match stripe.set_up(&customer.customer_id, tenant).await {
            // Somebody has deleted it at Stripe.
            Err(Fault::Missing) => {
                let customer_id = made(stripe, tenant, customer.customers).await?;
                known = Some(keep(app, scope, &customer_id, customer.customers).await?);
            }
            setup => return setup.map_err(problems::of),
        }
    }
    Err(problems::of(Fault::passing("the customer that was just made is not there")))
}

/// The customer that the tenant has; 409 if it has no account.
async fn find(scope: &TenantScope) -> Result<Option<Method>, Problem> {
    let mut tx = scope.begin().await?;
    let found = method_store::find(&mut tx).await?;
    if found.is_none() && accounts::store::find(&mut tx).await?.is_none() {
        return Err(no_account());
    }
    tx.commit().await?;
    Ok(found)
}

/// Makes the customer after the first `before` ones.
async fn made(stripe: &Stripe, tenant: TenantId, before: i32) -> Result<String, Problem> {
    stripe.make_customer(tenant, before + 1).await.map_err(problems::of)
}

/// Keeps the customer after the first `before` ones, unless somebody else was quicker; gives the tenant's.
async fn keep(app: &App, scope: &TenantScope, customer_id: &str, before: i32) -> Result<Method, Problem> {
    let mut tx = scope.begin().await?;
    method_store::put_customer(&mut tx, customer_id, before, app.ambient.now()).await.map_err(not_kept)?;
    let kept = method_store::find(&mut tx).await?;
    tx.commit().await?;
    kept.ok_or_else(no_account)
}

fn not_kept(error: sqlx::Error) -> Problem {
    match constraint(&error) {
        Some("payment_method_tenant_id_fkey") => no_account(),
        _ => error.into(),
    }
}

fn no_account() -> Problem {
    Problem::conflict("no_account", "This tenant has no account, and gets no invoices.")
}
