//! HTTP of minimum spends: a tenant sees its own, operators agree on them.

use super::{MinimumSpend, store};
use crate::{
    accounts::{self, Account, routes::no_account},
    app::App,
    credits::routes::amount_fault,
    currency::Currency,
    cycles,
    invoices::routes::ReadInvoices,
};
use access::Allowed;
use axum::extract::State;
use common::{
    db::TenantTx,
    http::{Json, Path},
    problem::{FieldError, Problem},
};
use contracts::id::TenantId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

access::permissions! { pub AgreeMinimumSpends = platform "billing.agreeMinimumSpends" }

/// The latest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct MinimumSpends {
    pub items: Vec<MinimumSpend>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// What each cycle costs at least, in the currency's minor unit (ISO 4217); 0 for nothing.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64, example = 50_000)]
    amount_minor: i64,
    /// The account's.
    #[schema(min_length = 3, max_length = 3, example = "EUR")]
    currency: String,
}

#[utoipa::path(get, path = "/v1/minimum-spends", operation_id = "listMinimumSpends", tag = "discounts",
    responses((status = 200, body = MinimumSpends)), security(("bearer" = ["billing.readInvoices"])))]
pub async fn list(State(app): State<App>, caller: Allowed<ReadInvoices>) -> Result<Json<MinimumSpends>, Problem> {
    Ok(Json(MinimumSpends { items: store::list(&mut caller.begin(&app.db).await?).await? }))
}

#[utoipa::path(post, path = "/v1/tenants/{tenant_id}/minimum-spends", operation_id = "agreeMinimumSpend",
    tag = "discounts", params(("tenant_id" = TenantId, Path)), request_body = Agreement,
    responses((status = 200, body = MinimumSpends), (status = 404, description = "`account_not_found`")),
    extensions(("x-no-idempotency-key" = json!("The same once more agrees on the same."))),
    security(("bearer" = ["billing.agreeMinimumSpends"])))]
pub async fn agree(
    State(app): State<App>,
    caller: Allowed<AgreeMinimumSpends>,
    Path(tenant): Path<TenantId>,
    Json(body): Json<Agreement>,
) -> Result<Json<MinimumSpends>, Problem> {
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    let of_tenant = tx.narrow(tenant).await?;
    let account = accounts::store::find(of_tenant).await?.ok_or_else(no_account)?;
    body.check(&account.currency)?;
    begin(of_tenant, &app, &body, &account, &caller.principal.to_string()).await?;
    let items = store::list(of_tenant).await?;
    tx.commit().await?;
    tracing::info!(tenant_id = %tenant, "A minimum spend is agreed on");
    Ok(Json(MinimumSpends { items }))
}

impl Agreement {
    fn check(&self, currency: &Currency) -> Result<(), Problem> {
        let amount = (self.amount_minor != 0).then(|| amount_fault("amount_minor", self.amount_minor)).flatten();
        let mut errors: Vec<_> = amount.into_iter().collect();
        if self.currency != currency.code() {
            errors.push(FieldError::new("currency", "not_the_accounts", format!("must be {currency}")));
        }
        if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
    }
}

/// From the planned end of the open cycle on, or if that is over and nobody has cut it, from that of the next one: a cycle
/// costs what was agreed on when it began.
async fn begin(
    tx: &mut TenantTx,
    app: &App,
    body: &Agreement,
    account: &Account,
    agreed_by: &str,
) -> Result<(), Problem> {
    let cycle = cycles::store::hold_open(tx).await?.ok_or_else(no_account)?;
    let now = app.ambient.now();
    let begin_at = if cycle.until > now { cycle.until } else { account.schedule.next_after(now) };
    store::end(tx, begin_at).await?;
    if body.amount_minor > 0 {
        let minimum = MinimumSpend {
            id: app.ambient.uuid(),
            amount_minor: body.amount_minor,
            currency: account.currency.clone(),
            begin_at,
            end_at: None,
            agreed_by: agreed_by.to_owned(),
        };
        store::insert(tx, &minimum).await?;
    }
    Ok(())
}
