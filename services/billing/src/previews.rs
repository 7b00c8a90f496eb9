//! Previews: what the running cycle comes to, by the code that makes its invoice, which writes nothing here.

use crate::{
    accounts::{self, Account, routes::no_account},
    adjustments::{Adjusted, Adjustment, making::adjust},
    app::App,
    calendar::Span,
    currency::Currency,
    cycles,
    invoices::{
        lines::{self, Bill},
        model::OfInstance,
        not_invoiced::NotInvoiced,
        routes::ReadInvoices,
        store::{LineKind, PricedLine},
    },
    plans::{self, Kind, price_list::PriceList},
    pricing::Component,
    taxes::InvoiceTax,
    usage::{
        interval_store::{self, DueInterval},
        part_store,
        parts::Parts,
        periods::Periods,
        places,
        window::{Areas, Window},
    },
};
use access::Allowed;
use axum::extract::State;
use chrono::{DateTime, Utc};
use common::{
    db::TenantTx,
    http::Json,
    problem::{FieldError, Problem},
};
use contracts::id::InstanceId;
use futures_util::TryStreamExt;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::pin::pin;
use utoipa::ToSchema;
use uuid::Uuid;

/// Events that one preview reads.
const MOST_EVENTS: i64 = 100_000;
const MOST_FEATURES: usize = 20;

/// What would be, besides what is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewRequest {
    /// At most 20 features that would be in use from now on.
    pub features: Vec<FeatureToAdd>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FeatureToAdd {
    pub instance_id: InstanceId,
    #[schema(example = "forum.polls")]
    pub feature: String,
}

/// What the running cycle comes to if everything in use now stays in use until its planned end, and nothing more is
/// metered.
#[derive(Debug, Serialize, ToSchema)]
pub struct Preview {
    pub period_start: DateTime<Utc>,
    pub period_end: DateTime<Utc>,
    #[schema(value_type = String, example = "EUR")]
    pub currency: Currency,
    /// Sum of the lines, in the currency's minor unit (ISO 4217).
    pub subtotal_minor: i64,
    /// VAT on lines, discounts and minimum spends; 0 where the seller charges none.
    pub tax_minor: i64,
    /// What would be to be paid: the subtotal with adjustments and VAT.
    pub total_minor: i64,
    pub lines: Vec<PreviewLine>,
    /// In the order in which they are made.
    pub adjustments: Vec<Adjustment>,
    /// One for each category and rate of VAT.
    pub taxes: Vec<InvoiceTax>,
}

/// As a line of an invoice, which see.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewLine {
    pub kind: LineKind,
    pub rate_kind: Kind,
    #[schema(example = "forum.polls")]
    pub name: String,
    #[schema(example = "Forum: Polls")]
    pub title: String,
    pub period_start: DateTime<Utc>,
    pub period_end: DateTime<Utc>,
    #[schema(format = "decimal")]
    pub quantity: Decimal,
    #[schema(example = "hour")]
    pub unit: String,
    pub rate_id: Uuid,
    pub amount_minor: i64,
    pub components: Vec<Component>,
    pub instances: Vec<OfInstance>,
    #[schema(example = "standard")]
    pub tax_group: String,
}

#[utoipa::path(post, path = "/v1/invoice-previews", operation_id = "previewInvoice", tag = "invoices",
    request_body = PreviewRequest,
    responses((status = 200, body = Preview),
        (status = 404, description = "`account_not_found`"),
        (status = 409, description = "`cycle_closing`: the cycle before has no invoice yet. \
                                      `preview_too_large`: more than 100,000 events were metered. \
                                      `tax_undetermined`: nobody knows the VAT yet.")),
    extensions(("x-no-idempotency-key" = json!("Nothing is kept."))),
    security(("bearer" = ["billing.readInvoices"])))]
pub async fn preview(
    State(app): State<App>,
    caller: Allowed<ReadInvoices>,
    Json(request): Json<PreviewRequest>,
) -> Result<Json<Preview>, Problem> {
    let _place = app.places.take(caller.tenant)?;
    let mut tx = caller.begin_snapshot(&app.db).await?;
    places::bound(&mut tx).await?;
    let account = accounts::store::find(&mut tx).await?.ok_or_else(no_account)?;
    let (window, earlier, invoiced) = cycles::store::running(&mut tx).await?.ok_or_else(no_account)?;
    if !invoiced {
        let text = "The cycle before is being closed; there is a preview of the next one as soon as it is.";
        return Err(Problem::conflict("cycle_closing", text));
    }
    let prices = plans::store::price_list(&mut tx, account.currency.code()).await?;
    let now = app.ambient.now();
    let added = added(&request, &prices, Span { from: now, until: window.cycle.until })?;
    let periods = Periods::new(earlier, window.cycle);
    let parts = gather(&mut tx, &window, &periods, &prices).await?;
    let mut intervals = interval_store::due(&mut tx, window.cycle.until).await?;
    intervals.extend(added);
    let bill = lines::price(&mut tx, &app.ambient, &periods, &prices, &intervals, parts.finish()).await?;
    let adjusted = adjust(&mut tx, &app, &account, window.cycle, &bill.lines).await?;
    Ok(Json(shown(account, window.cycle, bill, adjusted)))
}

/// The intervals that a request would have begin; those of features without a price are refused.
fn added(request: &PreviewRequest, prices: &PriceList, rest: Span) -> Result<Vec<DueInterval>, Problem> {
    if request.features.len() > MOST_FEATURES {
        return Err(Problem::invalid(vec![FieldError::new("features", "length", "must be at most 20")]));
    }
    let added = request.features.iter().enumerate().map(|(at, added)| {
        let unknown = || {
            let text = "has no price in the plan that the tenant pays by";
            Problem::invalid(vec![FieldError::new(format!("features[{at}].feature"), "invalid", text)])
        };
        let (feature, service) = (&added.feature, added.feature.split('.').next().unwrap_or_default());
        prices.rate(Kind::Feature, feature, rest.from).ok_or_else(unknown)?;
        Ok(DueInterval {
            id: Uuid::nil(),
            instance_id: added.instance_id,
            service: service.to_owned(),
            feature: feature.clone(),
            host: String::new(),
            begin_at: rest.from,
            billed_until: rest.from,
            until: rest.until,
        })
    });
    added.collect()
}

async fn gather(tx: &mut TenantTx, window: &Window, periods: &Periods, prices: &PriceList) -> Result<Parts, Problem> {
    let mut parts = Parts::new(Areas::new(*window, periods.clone(), prices.terms().clone()));
    let mut events = pin!(part_store::events(tx, window, Uuid::nil(), MOST_EVENTS + 1));
    let mut read = 0;
    while let Some(event) = events.try_next().await? {
        parts.add(&event)?;
        read += 1;
    }
    if read > MOST_EVENTS {
        return Err(Problem::conflict("preview_too_large", "More than 100,000 events were metered in this cycle."));
    }
    Ok(parts)
}

fn shown(account: Account, period: Span, bill: Bill<'_>, adjusted: Adjusted) -> Preview {
    let line = |PricedLine { period, rate, priced, .. }: PricedLine<'_>| PreviewLine {
        kind: if priced.used_before.is_some() { LineKind::Correction } else { LineKind::Usage },
        rate_kind: rate.kind,
        name: rate.name.clone(),
        title: rate.title.clone(),
        period_start: period.from,
        period_end: period.until,
        quantity: priced.quantity,
        unit: rate.unit.clone(),
        rate_id: rate.id,
        amount_minor: priced.amount_minor,
        components: priced.components,
        instances: priced.instances,
        tax_group: rate.tax_group.clone(),
    };
    let mut lines: Vec<_> = bill.lines.into_iter().map(line).collect();
    lines.sort_unstable_by(|one, other| {
        (one.rate_kind, &one.name, one.period_start, one.rate_id).cmp(&(
            other.rate_kind,
            &other.name,
            other.period_start,
            other.rate_id,
        ))
    });
    Preview {
        period_start: period.from,
        period_end: period.until,
        currency: account.currency,
        subtotal_minor: adjusted.subtotal_minor,
        tax_minor: adjusted.tax_minor,
        total_minor: adjusted.total_minor,
        lines,
        adjustments: adjusted.adjustments,
        taxes: adjusted.taxes,
    }
}

impl From<NotInvoiced> for Problem {
    fn from(error: NotInvoiced) -> Self {
        match error {
            NotInvoiced::Database(error) => error.into(),
            NotInvoiced::Price(error) => Self::internal(&error),
            NotInvoiced::Tax(undetermined) => undetermined.into(),
        }
    }
}
