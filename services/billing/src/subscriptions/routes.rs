//! HTTP of subscriptions: a tenant sees its own, operators change them.

use super::{Subscription, store};
use crate::{
    accounts::{self, Account, routes::no_account},
    app::App,
    cycles,
    plans::{self, Aggregation, Rate},
};
use access::Allowed;
use axum::extract::State;
use common::{
    db::{CrossTenantTx, TenantTx},
    http::{Json, Path},
    problem::{FieldError, Problem},
};
use contracts::id::TenantId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

access::permissions! {
    pub ReadSubscriptions = "billing.readSubscriptions",
    pub ChangeSubscriptions = platform "billing.changeSubscriptions",
}

/// What a tenant pays by, the latest of each service first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Subscriptions {
    pub items: Vec<Subscription>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    #[schema(example = "forum")]
    pub service: String,
    #[schema(example = "forum:enterprise")]
    pub plan: String,
    #[schema(example = "2")]
    pub version: String,
    pub when: When,
}

/// From when on.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum When {
    Now,
    /// The end that is planned for the open cycle.
    NextCycle,
}

#[utoipa::path(get, path = "/v1/subscriptions", operation_id = "listSubscriptions", tag = "subscriptions",
    responses((status = 200, body = Subscriptions)), security(("bearer" = ["billing.readSubscriptions"])))]
pub async fn list(State(app): State<App>, caller: Allowed<ReadSubscriptions>) -> Result<Json<Subscriptions>, Problem> {
    let items = store::list(&mut caller.begin(&app.db).await?, None).await?;
    Ok(Json(Subscriptions { items }))
}

#[utoipa::path(post, path = "/v1/tenants/{tenant_id}/subscriptions", operation_id = "changeSubscription",
    tag = "subscriptions", params(("tenant_id" = TenantId, Path)), request_body = Change,
    responses((status = 200, body = Subscriptions),
        (status = 404, description = "`account_not_found`, `plan_not_found`")),
    extensions(("x-no-idempotency-key" = json!("Nothing changes where the tenant pays by this version already."))),
    security(("bearer" = ["billing.changeSubscriptions"])))]
pub async fn change(
    State(app): State<App>,
    caller: Allowed<ChangeSubscriptions>,
    Path(tenant): Path<TenantId>,
    Json(body): Json<Change>,
) -> Result<Json<Subscriptions>, Problem> {
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    check(&mut tx, tenant, &body).await?;
    let tx_of_tenant = tx.narrow(tenant).await?;
    begin(tx_of_tenant, &app, &body).await?;
    let items = store::list(tx_of_tenant, Some(&body.service)).await?;
    tx.commit().await?;
    tracing::info!(tenant_id = %tenant, "A tenant pays by another plan");
    Ok(Json(Subscriptions { items }))
}

/// The version is of this service, and prices something in the tenant's currency.
async fn check(tx: &mut CrossTenantTx, tenant: TenantId, body: &Change) -> Result<(), Problem> {
    let plan = plans::store::find_plan(tx, &body.plan).await?.ok_or_else(plans::routes::no_plan)?;
    plans::store::version(tx, &body.plan, &body.version).await?.ok_or_else(plans::routes::no_plan)?;
    if plan.service != body.service {
        return Err(Problem::invalid(vec![FieldError::new("plan", "invalid", "is a plan of another service")]));
    }
    let rates = plans::store::rates(tx, &body.plan, &body.version).await?;
    let account = accounts::store::find(tx.narrow(tenant).await?).await?.ok_or_else(no_account)?;
    if matches!(body.when, When::Now) {
        divisible(tx.narrow(tenant).await?, &account, &body.service, &rates).await?;
    }
    if !rates.iter().any(|rate| rate.currency == account.currency) {
        let text = format!("has no price in {}, the currency of the account", account.currency);
        return Err(Problem::invalid(vec![FieldError::new("plan", "currency", text)]));
    }
    Ok(())
}

/// A cycle is divided only where each part costs what it would cost in the whole: of tiers, minimums and what is included,
/// each part would have its own.
async fn divisible(tx: &mut TenantTx, account: &Account, service: &str, new: &[Rate]) -> Result<(), Problem> {
    let prices = plans::store::price_list(tx, account.currency.code()).await?;
    if !prices.terms().contains_key(service) {
        return Ok(());
    }
    let whole =
        |rate: &Rate| !rate.charge.is_linear() || matches!(rate.aggregation, Aggregation::Max | Aggregation::Last);
    let all = prices.rates_of(service).chain(new);
    let indivisible = all.filter(|rate| rate.currency == account.currency).find(|rate| whole(rate));
    let Some(rate) = indivisible else { return Ok(()) };
    let text = format!("must be next_cycle: {} of {} {} is priced by the cycle", rate.name, rate.plan, rate.version);
    Err(Problem::invalid(vec![FieldError::new("when", "indivisible", text)]))
}

async fn begin(tx: &mut TenantTx, app: &App, body: &Change) -> Result<(), Problem> {
    // Held, so that no cut passes between this and what is changed: the past stays as it was.
    let cycle = cycles::store::hold_open(tx).await?.ok_or_else(no_account)?;
    let now = app.ambient.now().max(cycle.from);
    let at = match body.when {
        When::Now => now,
        // Which may be over already: nothing after it has been cut.
        When::NextCycle => cycle.until,
    };
    Ok(store::change(tx, &body.service, &body.plan, &body.version, at, now).await?)
}
