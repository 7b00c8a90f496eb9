//! HTTP of credits: a tenant sees its own, operators grant and revoke them.

use super::{Credit, store};
use crate::{
    accounts::{self, details::is_steering, routes::no_account},
    app::App,
    currency::Currency,
    invoices::routes::ReadInvoices,
};
use access::Allowed;
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::Response,
};
use chrono::{DateTime, Utc};
use common::{
    http::{Json, Path, Query},
    page::{Page, PageQuery},
    problem::{FieldError, Problem},
};
use contracts::id::TenantId;
use idempotency::Creating;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

access::permissions! { pub GrantCredits = platform "billing.grantCredits" }

/// Live credits of one tenant.
const MOST: i64 = 100;
pub const LONGEST_TITLE: usize = 120;
/// One credit, one discount, one minimum spend: no invoice adds up to more than a number holds.
pub const LARGEST_AMOUNT: i64 = 1_000_000_000_000;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCredit {
    /// On the tenant's invoices.
    #[schema(min_length = 1, max_length = 120, example = "For the outage of October")]
    title: String,
    /// In the currency's minor unit (ISO 4217).
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64, example = 5000)]
    amount_minor: i64,
    /// The account's.
    #[schema(min_length = 3, max_length = 3, example = "EUR")]
    currency: String,
    /// It pays for cycles that end no later; never, if absent.
    expires_at: Option<DateTime<Utc>>,
}

#[utoipa::path(get, path = "/v1/credits", operation_id = "listCredits", tag = "credits", params(PageQuery),
    responses((status = 200, body = Page<Credit>)), security(("bearer" = ["billing.readInvoices"])))]
pub async fn list(
    State(app): State<App>,
    caller: Allowed<ReadInvoices>,
    Query(query): Query<PageQuery>,
) -> Result<Page<Credit>, Problem> {
    let page = query.check()?;
    let credits = store::page(&mut caller.begin(&app.db).await?, page).await?;
    Ok(Page::cut(credits, page, |credit| credit.id))
}

#[utoipa::path(get, path = "/v1/tenants/{tenant_id}/credits", operation_id = "listTenantCredits", tag = "credits",
    params(("tenant_id" = TenantId, Path), PageQuery),
    responses((status = 200, body = Page<Credit>)), security(("bearer" = ["billing.grantCredits"])))]
pub async fn list_of(
    State(app): State<App>,
    caller: Allowed<GrantCredits>,
    Path(tenant): Path<TenantId>,
    Query(query): Query<PageQuery>,
) -> Result<Page<Credit>, Problem> {
    let page = query.check()?;
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    let credits = store::page(tx.narrow(tenant).await?, page).await?;
    Ok(Page::cut(credits, page, |credit| credit.id))
}

#[utoipa::path(get, path = "/v1/tenants/{tenant_id}/credits/{id}", operation_id = "getTenantCredit", tag = "credits",
    params(("tenant_id" = TenantId, Path), ("id" = Uuid, Path)),
    responses((status = 200, body = Credit), (status = 404, description = "`credit_not_found`")),
    security(("bearer" = ["billing.grantCredits"])))]
pub async fn get_of(
    State(app): State<App>,
    caller: Allowed<GrantCredits>,
    Path((tenant, id)): Path<(TenantId, Uuid)>,
) -> Result<Json<Credit>, Problem> {
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    let found = store::find(tx.narrow(tenant).await?, id).await?;
    Ok(Json(found.ok_or_else(no_credit)?))
}

#[utoipa::path(post, path = "/v1/tenants/{tenant_id}/credits", operation_id = "grantCredit", tag = "credits",
    params(("tenant_id" = TenantId, Path)), request_body = NewCredit,
    responses((status = 201, body = Credit, headers(("Location" = String))),
        (status = 404, description = "`account_not_found`"),
        (status = 409, description = "`too_many_credits`: the tenant has 100 that are live.")),
    security(("bearer" = ["billing.grantCredits"])))]
pub async fn grant(
    State(app): State<App>,
    caller: Allowed<GrantCredits>,
    Path(tenant): Path<TenantId>,
    Creating(Json(body), mut once): Creating<Json<NewCredit>>,
) -> Result<Response, Problem> {
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    if let Some(earlier) = once.begin(&mut tx, &caller).await? {
        return Ok(earlier);
    }
    let now = app.ambient.now();
    let of_tenant = tx.narrow(tenant).await?;
    let account = accounts::store::find(of_tenant).await?.ok_or_else(no_account)?;
    body.check(&account.currency, now)?;
    if store::count(of_tenant, now).await? >= MOST {
        return Err(Problem::conflict("too_many_credits", format!("The tenant has {MOST} live credits.")));
    }
    let credit = Credit {
        id: app.ambient.uuid(),
        title: body.title,
        amount_minor: body.amount_minor,
        balance_minor: body.amount_minor,
        currency: account.currency,
        expires_at: body.expires_at,
        revoked_at: None,
        granted_at: now,
        granted_by: Some(caller.principal.to_string()),
    };
    store::insert(of_tenant, &credit).await?;
    tracing::info!(tenant_id = %tenant, credit_id = %credit.id, "A credit is granted");
    let at = [(header::LOCATION, format!("/v1/tenants/{tenant}/credits/{}", credit.id))];
    let answer = once.remember(tx.narrow(caller.tenant).await?, (StatusCode::CREATED, at, Json(credit))).await?;
    tx.commit().await?;
    Ok(answer)
}

#[utoipa::path(delete, path = "/v1/tenants/{tenant_id}/credits/{id}", operation_id = "revokeCredit", tag = "credits",
    params(("tenant_id" = TenantId, Path), ("id" = Uuid, Path)),
    responses((status = 204, description = "No later invoice takes anything of it."),
        (status = 404, description = "`credit_not_found`")),
    security(("bearer" = ["billing.grantCredits"])))]
pub async fn revoke(
    State(app): State<App>,
    caller: Allowed<GrantCredits>,
    Path((tenant, id)): Path<(TenantId, Uuid)>,
) -> Result<StatusCode, Problem> {
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    let of_tenant = tx.narrow(tenant).await?;
    store::find(of_tenant, id).await?.ok_or_else(no_credit)?;
    store::revoke(of_tenant, id, app.ambient.now()).await?;
    tx.commit().await?;
    tracing::info!(tenant_id = %tenant, credit_id = %id, "A credit is revoked");
    Ok(StatusCode::NO_CONTENT)
}

impl NewCredit {
    fn check(&self, currency: &Currency, now: DateTime<Utc>) -> Result<(), Problem> {
        let mut errors = Vec::new();
        errors.extend(title_fault(&self.title));
        errors.extend(amount_fault("amount_minor", self.amount_minor));
        if self.currency != currency.code() {
            errors.push(FieldError::new("currency", "not_the_accounts", format!("must be {currency}")));
        }
        if self.expires_at.is_some_and(|end| end <= now) {
            errors.push(FieldError::new("expires_at", "past", "must be in the future"));
        }
        if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
    }
}

fn no_credit() -> Problem {
    Problem::not_found("credit_not_found", "The tenant has no such credit.")
}

/// What stands on invoices is one line of text.
pub fn title_fault(title: &str) -> Option<FieldError> {
    let sound = title.chars().count() <= LONGEST_TITLE
        && title.chars().any(char::is_alphanumeric)
        && !title.chars().any(is_steering);
    (!sound).then(|| {
        FieldError::new(
            "title",
            "malformed",
            format!("must be a line of at most {LONGEST_TITLE} characters, with a letter or a digit"),
        )
    })
}

pub fn amount_fault(field: &str, amount_minor: i64) -> Option<FieldError> {
    let sound = (1..=LARGEST_AMOUNT).contains(&amount_minor);
    (!sound).then(|| FieldError::new(field, "out_of_range", format!("must be from 1 to {LARGEST_AMOUNT}")))
}
