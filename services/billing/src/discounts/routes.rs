//! HTTP of discounts: a tenant sees its own, operators grant and end them.

use super::{Discount, Terms, store};
use crate::{
    accounts::{self, Account, routes::no_account},
    app::App,
    currency::Currency,
    cycles,
    invoices::routes::ReadInvoices,
    plans,
};
use access::Allowed;
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::Response,
};
use chrono::{DateTime, Utc};
use common::{
    db::TenantTx,
    http::{Json, Path, Query},
    page::{Page, PageQuery},
    problem::{FieldError, Problem},
};
use contracts::id::TenantId;
use idempotency::Creating;
use rust_decimal::Decimal;
use serde::Deserialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

access::permissions! { pub GrantDiscounts = platform "billing.grantDiscounts" }

/// Running discounts of one tenant: each is applied to each of its invoices.
const MOST: i64 = 20;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDiscount {
    /// On the tenant's invoices.
    #[schema(min_length = 1, max_length = 120, example = "Partner, first year")]
    title: String,
    /// Only of what this service costs; of everything, if absent.
    #[schema(example = "forum")]
    service: Option<String>,
    /// Above 0, at most 100, with at most four decimal places. Either this or `amount_minor`.
    #[schema(value_type = Option<String>, format = "decimal", example = "10")]
    percent: Option<Decimal>,
    /// At most so much a cycle, in the currency's minor unit (ISO 4217).
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    amount_minor: Option<i64>,
    /// Of `amount_minor`, with which it comes.
    #[schema(value_type = Option<String>, min_length = 3, max_length = 3)]
    currency: Option<Currency>,
    /// Only of so many cycles, the running one among them.
    #[schema(minimum = 1, maximum = 1200, example = 12)]
    cycles: Option<i32>,
    /// Of cycles that end no later; without an end, if absent.
    end_at: Option<DateTime<Utc>>,
}

#[utoipa::path(get, path = "/v1/discounts", operation_id = "listDiscounts", tag = "discounts", params(PageQuery),
    responses((status = 200, body = Page<Discount>)), security(("bearer" = ["billing.readInvoices"])))]
pub async fn list(
    State(app): State<App>,
    caller: Allowed<ReadInvoices>,
    Query(query): Query<PageQuery>,
) -> Result<Page<Discount>, Problem> {
    let page = query.check()?;
    let discounts = store::page(&mut caller.begin(&app.db).await?, page).await?;
    Ok(Page::cut(discounts, page, |discount| discount.id))
}

#[utoipa::path(get, path = "/v1/discounts/{id}", operation_id = "getDiscount", tag = "discounts",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Discount), (status = 404, description = "`discount_not_found`")),
    security(("bearer" = ["billing.readInvoices"])))]
pub async fn get(
    State(app): State<App>,
    caller: Allowed<ReadInvoices>,
    Path(id): Path<Uuid>,
) -> Result<Json<Discount>, Problem> {
    let found = store::find(&mut caller.begin(&app.db).await?, id).await?;
    Ok(Json(found.ok_or_else(no_discount)?))
}

#[utoipa::path(get, path = "/v1/tenants/{tenant_id}/discounts", operation_id = "listTenantDiscounts", tag = "discounts",
    params(("tenant_id" = TenantId, Path), PageQuery),
    responses((status = 200, body = Page<Discount>)), security(("bearer" = ["billing.grantDiscounts"])))]
pub async fn list_of(
    State(app): State<App>,
    caller: Allowed<GrantDiscounts>,
    Path(tenant): Path<TenantId>,
    Query(query): Query<PageQuery>,
) -> Result<Page<Discount>, Problem> {
    let page = query.check()?;
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    let discounts = store::page(tx.narrow(tenant).await?, page).await?;
    Ok(Page::cut(discounts, page, |discount| discount.id))
}

#[utoipa::path(get, path = "/v1/tenants/{tenant_id}/discounts/{id}", operation_id = "getTenantDiscount", tag = "discounts",
    params(("tenant_id" = TenantId, Path), ("id" = Uuid, Path)),
    responses((status = 200, body = Discount), (status = 404, description = "`discount_not_found`")),
    security(("bearer" = ["billing.grantDiscounts"])))]
pub async fn get_of(
    State(app): State<App>,
    caller: Allowed<GrantDiscounts>,
    Path((tenant, id)): Path<(TenantId, Uuid)>,
) -> Result<Json<Discount>, Problem> {
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    let found = store::find(tx.narrow(tenant).await?, id).await?;
    Ok(Json(found.ok_or_else(no_discount)?))
}

#[utoipa::path(post, path = "/v1/tenants/{tenant_id}/discounts", operation_id = "grantDiscount", tag = "discounts",
    params(("tenant_id" = TenantId, Path)), request_body = NewDiscount,
    responses((status = 201, body = Discount, headers(("Location" = String))),
        (status = 404, description = "`account_not_found`"),
        (status = 409, description = "`too_many_discounts`: the tenant has 20 that run.")),
    security(("bearer" = ["billing.grantDiscounts"])))]
pub async fn grant(
    State(app): State<App>,
    caller: Allowed<GrantDiscounts>,
    Path(tenant): Path<TenantId>,
    Creating(Json(body), mut once): Creating<Json<NewDiscount>>,
) -> Result<Response, Problem> {
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    if let Some(earlier) = once.begin(&mut tx, &caller).await? {
        return Ok(earlier);
    }
    let of_tenant = tx.narrow(tenant).await?;
    let now = hold(of_tenant, &app).await?;
    let NewDiscount { title, service, percent, amount_minor, currency, cycles, end_at } = body;
    let terms = Terms { title, service, percent, amount_minor, currency, cycles };
    let mut errors = faults(of_tenant, &terms).await?;
    if end_at.is_some_and(|end| end <= now) {
        errors.push(FieldError::new("end_at", "past", "must be in the future"));
    }
    if !errors.is_empty() {
        return Err(Problem::invalid(errors));
    }
    admit(of_tenant, &terms, now).await?;
    let discount = Discount {
        id: app.ambient.uuid(),
        terms,
        begin_at: now,
        end_at,
        coupon_id: None,
        granted_by: caller.principal.to_string(),
    };
    store::insert(of_tenant, &discount).await?;
    tracing::info!(tenant_id = %tenant, discount_id = %discount.id, "A discount is granted");
    let at = [(header::LOCATION, format!("/v1/tenants/{tenant}/discounts/{}", discount.id))];
    let answer = once.remember(tx.narrow(caller.tenant).await?, (StatusCode::CREATED, at, Json(discount))).await?;
    tx.commit().await?;
    Ok(answer)
}

#[utoipa::path(delete, path = "/v1/tenants/{tenant_id}/discounts/{id}", operation_id = "endDiscount", tag = "discounts",
    params(("tenant_id" = TenantId, Path), ("id" = Uuid, Path)),
    responses((status = 204, description = "It holds for no cycle that ends later."),
        (status = 404, description = "`discount_not_found`")),
    security(("bearer" = ["billing.grantDiscounts"])))]
pub async fn end(
    State(app): State<App>,
    caller: Allowed<GrantDiscounts>,
    Path((tenant, id)): Path<(TenantId, Uuid)>,
) -> Result<StatusCode, Problem> {
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    let of_tenant = tx.narrow(tenant).await?;
    store::find(of_tenant, id).await?.ok_or_else(no_discount)?;
    let now = hold(of_tenant, &app).await?;
    if !store::end(of_tenant, id, now).await? {
        return Err(no_discount());
    }
    tx.commit().await?;
    tracing::info!(tenant_id = %tenant, discount_id = %id, "A discount ends");
    Ok(StatusCode::NO_CONTENT)
}

/// The present, in the open cycle, which nobody cuts until the transaction ends: what is cut stays as it was.
pub async fn hold(tx: &mut TenantTx, app: &App) -> Result<DateTime<Utc>, Problem> {
    let cycle = cycles::store::hold_open(tx).await?.ok_or_else(no_account)?;
    Ok(app.ambient.now().max(cycle.from))
}

/// What is wrong with terms that somebody gives; their service must be one that there is.
pub async fn faults(conn: &mut PgConnection, terms: &Terms) -> sqlx::Result<Vec<FieldError>> {
    let mut errors = terms.faults();
    if let Some(service) = terms.service.as_ref().filter(|_| errors.is_empty())
        && !plans::store::has_service(conn, service).await?
    {
        errors.push(FieldError::new("service", "unknown", "must be a service that has a plan"));
    }
    Ok(errors)
}

/// The account of the tenant can have one more discount on these terms.
pub async fn admit(tx: &mut TenantTx, terms: &Terms, now: DateTime<Utc>) -> Result<Account, Problem> {
    let account = accounts::store::find(tx).await?.ok_or_else(no_account)?;
    if terms.currency.as_ref().is_some_and(|currency| *currency != account.currency) {
        let text = format!("must be {}, the account's", account.currency);
        return Err(Problem::invalid(vec![FieldError::new("currency", "not_the_accounts", text)]));
    }
    if store::count(tx, now).await? >= MOST {
        let text = format!("The tenant has {MOST} discounts that run. End one of them first.");
        return Err(Problem::conflict("too_many_discounts", text));
    }
    Ok(account)
}

fn no_discount() -> Problem {
    Problem::not_found("discount_not_found", "The tenant has no such discount.")
}
