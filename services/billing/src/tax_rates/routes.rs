//! HTTP of rates of VAT, which operators enter.

use super::{TaxRate, has_begun, store};
use crate::{
    accounts::country::Country, app::App, cycles::closing::CLOSE, plans::publication::is_name,
    taxes::undetermined::retry_by_rate,
};
use access::Allowed;
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::Response,
};
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use common::{
    db::{CrossTenantTx, Scoped},
    http::{Json, Path, Query},
    page::{Page, PageQuery},
    problem::{FieldError, Problem},
};
use idempotency::Creating;
use rust_decimal::Decimal;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

access::permissions! {
    pub ReadTaxRates = platform "billing.readTaxRates",
    pub WriteTaxRates = platform "billing.writeTaxRates",
}

/// Of one country and group: an invoice reads all of its country's.
const MOST: i64 = 100;
/// Decimal places of a percentage.
const PLACES: u32 = 4;
/// Value-added tax is younger than this.
const YEARS: std::ops::RangeInclusive<i32> = 1950..=2199;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TaxRateFilter {
    /// Only rates of this country.
    pub country: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTaxRate {
    /// ISO 3166-1 alpha-2.
    #[schema(example = "DE", pattern = "^[A-Z]{2}$")]
    country: String,
    /// What rates of plans name, in lower-case letters, digits and `-`.
    #[schema(example = "standard", min_length = 1, max_length = 40)]
    tax_group: String,
    /// 0 to 100, with at most four decimal places.
    #[schema(value_type = String, format = "decimal", example = "19")]
    percent: Decimal,
    /// The first day on which it holds, in the place where it does.
    #[schema(example = "2027-01-01")]
    valid_from: NaiveDate,
}

#[utoipa::path(get, path = "/v1/tax-rates", operation_id = "listTaxRates", tag = "taxes",
    params(TaxRateFilter, PageQuery),
    responses((status = 200, body = Page<TaxRate>)), security(("bearer" = ["billing.readTaxRates"])))]
pub async fn list(
    State(app): State<App>,
    caller: Allowed<ReadTaxRates>,
    Query(filter): Query<TaxRateFilter>,
    Query(query): Query<PageQuery>,
) -> Result<Page<TaxRate>, Problem> {
    let page = query.check()?;
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    let rates = store::page(&mut tx, filter.country.as_deref(), page).await?;
    Ok(Page::cut(rates, page, |rate| rate.id))
}

#[utoipa::path(get, path = "/v1/tax-rates/{id}", operation_id = "getTaxRate", tag = "taxes",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = TaxRate), (status = 404, description = "`tax_rate_not_found`")),
    security(("bearer" = ["billing.readTaxRates"])))]
pub async fn get(
    State(app): State<App>,
    caller: Allowed<ReadTaxRates>,
    Path(id): Path<Uuid>,
) -> Result<Json<TaxRate>, Problem> {
    let found = store::find(&mut *caller.begin_across_tenants(&app.db).await?, id).await?;
    Ok(Json(found.ok_or_else(no_rate)?))
}

#[utoipa::path(post, path = "/v1/tax-rates", operation_id = "enterTaxRate", tag = "taxes", request_body = NewTaxRate,
    responses((status = 201, body = TaxRate, headers(("Location" = String))),
        (status = 409, description = "`tax_rate_exists`: one of this country and group begins on that day. \
                                      `tax_rate_begun`: on that day, which has begun, another one holds. \
                                      `too_many_tax_rates`: there are 100 of this country and group.")),
    security(("bearer" = ["billing.writeTaxRates"])))]
pub async fn enter(
    State(app): State<App>,
    caller: Allowed<WriteTaxRates>,
    Creating(Json(body), mut once): Creating<Json<NewTaxRate>>,
) -> Result<Response, Problem> {
    let now = app.ambient.now();
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    if let Some(earlier) = once.begin(&mut tx, &caller).await? {
        return Ok(earlier);
    }
    let rate = body.checked(app.ambient.uuid(), &caller.principal.to_string(), now)?;
    admit(&mut tx, &rate, now).await?;
    store::insert(&mut tx, &rate).await?;
    retry_by_rate(&mut tx, rate.country.code(), &rate.tax_group, now).await?;
    tx.wake(CLOSE);
    let at = [(header::LOCATION, format!("/v1/tax-rates/{}", rate.id))];
    tracing::info!(tax_rate_id = %rate.id, country = rate.country.code(), "A rate of VAT is entered");
    let answer = once.remember(tx.narrow(caller.tenant).await?, (StatusCode::CREATED, at, Json(rate))).await?;
    tx.commit().await?;
    Ok(answer)
}

#[utoipa::path(delete, path = "/v1/tax-rates/{id}", operation_id = "revokeTaxRate", tag = "taxes",
    params(("id" = Uuid, Path)),
    responses((status = 204, description = "It never holds."), (status = 404, description = "`tax_rate_not_found`"),
        (status = 409, description = "`tax_rate_begun`: invoices may have been made by it.")),
    security(("bearer" = ["billing.writeTaxRates"])))]
pub async fn revoke(
    State(app): State<App>,
    caller: Allowed<WriteTaxRates>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    let now = app.ambient.now();
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    let rate = store::find(&mut tx, id).await?.ok_or_else(no_rate)?;
    if rate.revoked_at.is_none() && has_begun(rate.valid_from, now) {
        return Err(Problem::conflict("tax_rate_begun", "The rate has begun, so invoices may have been made by it."));
    }
    store::revoke(&mut tx, id, &caller.principal.to_string(), now).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A rate that changes nothing that may have been taxed: on its first day, which has begun, no other one holds.
async fn admit(tx: &mut CrossTenantTx, rate: &TaxRate, now: DateTime<Utc>) -> Result<(), Problem> {
    store::lock(tx).await?;
    let known = store::known(tx, rate.country.code(), &rate.tax_group, rate.valid_from).await?;
    if known.begins {
        return Err(Problem::conflict("tax_rate_exists", "A rate of this country and group begins on that day."));
    }
    if known.holds && has_begun(rate.valid_from, now) {
        let text = "Another rate holds on that day, which has begun, so invoices may have been made by it.";
        return Err(Problem::conflict("tax_rate_begun", text));
    }
    if known.many >= MOST {
        return Err(Problem::conflict("too_many_tax_rates", "There are 100 rates of this country and group."));
    }
    Ok(())
}

impl NewTaxRate {
    /// # Errors
    /// 422 with every field that is wrong.
    fn checked(self, id: Uuid, by: &str, now: DateTime<Utc>) -> Result<TaxRate, Problem> {
        let Self { country, tax_group, percent, valid_from } = self;
        let mut errors = Vec::new();
        let mut fault = |wrong: bool, field: &str, code: &str, text: &str| {
            if wrong {
                errors.push(FieldError::new(field, code, text));
            }
        };
        let text = "must be a name of at most 40 lower-case letters, digits, '-'";
        fault(!is_name(&tax_group), "tax_group", "malformed", text);
        let is_percentage = (Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(&percent);
        let text = "must be from 0 to 100, with at most four decimal places";
        fault(!is_percentage || percent.normalize().scale() > PLACES, "percent", "out_of_range", text);
        fault(!YEARS.contains(&valid_from.year()), "valid_from", "out_of_range", "must be from 1950 to 2199");
        let country =
            country.parse::<Country>().map_err(|error| fault(true, "country", "malformed", &error.to_string()));
        match country {
            Ok(country) if errors.is_empty() => Ok(TaxRate {
                id,
                country,
                tax_group,
                percent: percent.normalize(),
                valid_from,
                created_at: now,
                created_by: by.to_owned(),
                revoked_at: None,
                revoked_by: None,
            }),
            _ => Err(Problem::invalid(errors)),
        }
    }
}

fn no_rate() -> Problem {
    Problem::not_found("tax_rate_not_found", "There is no such rate of VAT.")
}
