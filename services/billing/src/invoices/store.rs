//! SQL of invoices: written once, by the close of a cycle; the database refuses any later change.

use super::model::{OfInstance, Priced};
use crate::{
    accounts::Account,
    adjustments::Adjusted,
    calendar::Span,
    currency::Currency,
    payments::PaymentState,
    plans::{Kind, Rate},
    pricing::Component,
};
use chrono::{DateTime, Utc};
use common::{db::TenantTx, page::PageRequest};
use contracts::id::TenantId;
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Invoice {
    pub id: Uuid,
    pub tenant_id: TenantId,
    pub cycle_id: Uuid,
    /// Without gaps over the whole deployment; absent for a moment after the close.
    #[schema(example = "00000042")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    #[schema(value_type = String, example = "EUR")]
    pub currency: Currency,
    /// Sum of the lines, in the currency's minor unit (ISO 4217).
    pub subtotal_minor: i64,
    /// VAT on lines, discounts and minimum spends; 0 where the seller charges none.
    pub tax_minor: i64,
    /// What is to be paid: the subtotal with adjustments and VAT.
    pub total_minor: i64,
    pub period_start: DateTime<Utc>,
    /// The period ends just before this moment.
    pub period_end: DateTime<Utc>,
    pub issued_at: DateTime<Utc>,
    /// Whether it is paid; `open` as well while it has no number.
    pub payment_state: PaymentState,
    /// Until when it is to be paid; absent while it has no number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_at: Option<DateTime<Utc>>,
}

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum LineKind {
    /// What was used in a period.
    Usage,
    /// What came late to a period that an earlier invoice has billed at the same rate: it costs what the whole costs more
    /// than it did, which may be less than nothing.
    Correction,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Line {
    pub id: Uuid,
    pub kind: LineKind,
    pub rate_kind: Kind,
    #[schema(example = "forum")]
    pub service: String,
    /// The feature or meter.
    #[schema(example = "forum.polls")]
    pub name: String,
    pub description: String,
    /// Of what came late, the period that it belongs to.
    pub period_start: DateTime<Utc>,
    pub period_end: DateTime<Utc>,
    /// In `unit`, unrounded.
    #[schema(format = "decimal")]
    pub quantity: Decimal,
    #[schema(example = "hour")]
    pub unit: String,
    pub rate_id: Uuid,
    /// What earlier lines have billed of the period at this rate, in seconds or units; only of a correction.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "decimal")]
    pub used_before: Option<Decimal>,
    /// What is billed of it with this line.
    #[schema(format = "decimal")]
    pub used_after: Decimal,
    /// What `used_after` costs less what `used_before` did, each rounded once, half away from zero, to the currency's
    /// minor unit.
    pub amount_minor: i64,
    #[schema(value_type = String, example = "EUR")]
    pub currency: Currency,
    /// What the amount is made of, exact.
    #[schema(value_type = Vec<Component>)]
    pub components: Json<Vec<Component>>,
    #[schema(value_type = Vec<OfInstance>)]
    pub instances: Json<Vec<OfInstance>>,
    /// Raw rows that the line is made of.
    pub input_count: i64,
    /// SHA-256 of the raw rows, in hexadecimal.
    pub input_sha256: String,
    /// Which of a country's rates of VAT is applied to it.
    #[schema(example = "standard")]
    pub tax_group: String,
}

/// An invoice that is being made.
pub struct Draft {
    pub id: Uuid,
    pub cycle_id: Uuid,
    pub period: Span,
    pub issued_at: DateTime<Utc>,
}

/// The columns of an [`Invoice`] of the tenant (`$1`).
macro_rules! invoices {
    ($rest:literal, $($argument:expr),+) => {
        sqlx::query_as!(
            Invoice,
            r#"SELECT i.id, i.tenant_id, i.cycle_id,
                 lpad(s.number::text, greatest(8, length(s.number::text)), '0') AS "number", i.currency AS "currency: Currency",
                 i.subtotal_minor, i.tax_minor, i.total_minor, i.period_start, i.period_end, i.issued_at,
                 coalesce(p.state, 'open') AS "payment_state!: PaymentState", p.due_at AS "due_at?"
               FROM invoice i JOIN invoice_status s ON s.invoice_id = i.id
                 LEFT JOIN invoice_payment p ON p.invoice_id = i.id
               WHERE i.tenant_id = $1 AND "# + $rest,
            $($argument),+
        )
    };
}

pub async fn page(tx: &mut TenantTx, page: PageRequest) -> sqlx::Result<Vec<Invoice>> {
    let invoices = invoices!("i.id > $2 ORDER BY i.id LIMIT $3", tx.tenant().0, page.after, page.fetch());
    invoices.fetch_all(&mut **tx).await
}

pub async fn find(tx: &mut TenantTx, id: Uuid) -> sqlx::Result<Option<Invoice>> {
    invoices!("i.id = $2", tx.tenant().0, id).fetch_optional(&mut **tx).await
}

/// Finalizes an invoice whose lines are there: from then on the database refuses every change. Its number comes later.
pub async fn finalize(tx: &mut TenantTx, account: &Account, draft: &Draft, adjusted: &Adjusted) -> sqlx::Result<()> {
    let taxes = || adjusted.taxes.iter();
    sqlx::query!(
        "WITH taxed AS (
           INSERT INTO invoice_tax (invoice_id, tenant_id, category, country, percent, taxable_minor, tax_minor, reason,
             buyer_vat_id, parts, position)
           SELECT $1, $2, tax.* FROM UNNEST($11::text[], $12::text[], $13::numeric[], $14::int8[], $15::int8[],
             $16::text[], $17::text[], $18::jsonb[]) WITH ORDINALITY AS tax
           RETURNING invoice_id),
         finalized AS (
           INSERT INTO invoice (id, tenant_id, cycle_id, currency, subtotal_minor, total_minor, period_start, period_end,
             issued_at, tax_minor)
           SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
           -- After its taxes: to an invoice that is there, nothing is added.
           FROM (SELECT count(*) FROM taxed) AS first RETURNING id, tenant_id)
         INSERT INTO invoice_status (invoice_id, tenant_id, series) SELECT id, tenant_id, 'invoice' FROM finalized",
        draft.id,
        tx.tenant().0,
        draft.cycle_id,
        account.currency.code(),
        adjusted.subtotal_minor,
        adjusted.total_minor,
        draft.period.from,
        draft.period.until,
        draft.issued_at,
        adjusted.tax_minor,
        &taxes().map(|tax| tax.category.code().to_owned()).collect::<Vec<_>>(),
        &taxes().map(|tax| tax.country.code().to_owned()).collect::<Vec<_>>(),
        &taxes().map(|tax| tax.percent).collect::<Vec<_>>(),
        &taxes().map(|tax| tax.taxable_minor).collect::<Vec<_>>(),
        &taxes().map(|tax| tax.tax_minor).collect::<Vec<_>>(),
        &taxes().map(|tax| tax.reason.clone()).collect::<Vec<_>>() as &[Option<String>],
        &taxes().map(|tax| tax.buyer_vat_id.clone()).collect::<Vec<_>>() as &[Option<String>],
        &json(taxes().map(|tax| &tax.parts))?
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// The cut of the invoice's cycle.
pub async fn cut(tx: &mut TenantTx, invoice: Uuid) -> sqlx::Result<i64> {
    let cut = sqlx::query_scalar!(
        r#"SELECT c.cut_seq AS "cut_seq!" FROM invoice i JOIN cycle c ON c.tenant_id = i.tenant_id AND c.id = i.cycle_id
           WHERE i.tenant_id = $1 AND i.id = $2"#,
        tx.tenant().0,
        invoice
    );
    cut.fetch_one(&mut **tx).await
}

/// The columns of a [`Line`] of the tenant (`$1`) and the invoice (`$2`).
macro_rules! lines {
    ($rest:literal, $($argument:expr),+) => {
        sqlx::query_as!(
            Line,
            r#"SELECT id, kind AS "kind: LineKind", rate_kind AS "rate_kind: Kind", service, name, description,
                      period_start, period_end, quantity, unit, rate_id, used_before, used_after, amount_minor,
                      currency AS "currency: Currency", components AS "components: Json<Vec<Component>>",
                      instances AS "instances: Json<Vec<OfInstance>>", input_count,
                      encode(input_sha256, 'hex') AS "input_sha256!",
                      (SELECT r.tax_group FROM rate r WHERE r.id = rate_id) AS "tax_group!"
               FROM invoice_line WHERE tenant_id = $1 AND invoice_id = $2 "# + $rest,
            $($argument),+
        )
    };
}

pub async fn lines(tx: &mut TenantTx, invoice: Uuid) -> sqlx::Result<Vec<Line>> {
    lines!("ORDER BY rate_kind, name, period_start, id", tx.tenant().0, invoice).fetch_all(&mut **tx).await
}

/// In the order of their ids.
pub async fn lines_after(tx: &mut TenantTx, invoice: Uuid, after: Uuid, limit: i64) -> sqlx::Result<Vec<Line>> {
    lines!("AND id > $3 ORDER BY id LIMIT $4", tx.tenant().0, invoice, after, limit).fetch_all(&mut **tx).await
}

/// A line that was priced.
pub struct PricedLine<'a> {
    pub id: Uuid,
    pub period: Span,
    pub rate: &'a Rate,
    pub priced: Priced,
}

pub async fn insert_lines(tx: &mut TenantTx, draft: &Draft, lines: &[PricedLine<'_>]) -> sqlx::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let (rates, priced) = (|| lines.iter().map(|line| line.rate), || lines.iter().map(|line| &line.priced));
    let components = json(priced().map(|priced| &priced.components))?;
    let instances = json(priced().map(|priced| &priced.instances))?;
    sqlx::query!(
        "INSERT INTO invoice_line (invoice_id, tenant_id, id, period_start, period_end, rate_id, kind, rate_kind, service,
           name, description, unit, currency, quantity, used_before, used_after, amount_minor, components, instances,
           input_count, input_sha256)
         SELECT $1, $2, line.id, period_start, period_end, rate_id,
           CASE WHEN used_before IS NULL THEN 'usage' ELSE 'correction' END, r.kind, p.service, r.name,
           r.title || ', per ' || r.unit, r.unit, r.currency, quantity, used_before, used_after, amount_minor, components,
           instances, input_count, decode(sha256, 'hex')
         FROM UNNEST($3::uuid[], $4::timestamptz[], $5::timestamptz[], $6::uuid[], $7::numeric[], $8::numeric[],
           $9::numeric[], $10::int8[], $11::jsonb[], $12::jsonb[], $13::int8[], $14::text[])
           AS line (id, period_start, period_end, rate_id, quantity, used_before, used_after, amount_minor, components,
             instances, input_count, sha256)
         JOIN rate r ON r.id = rate_id JOIN plan p ON p.name = r.plan",
        draft.id,
        tx.tenant().0,
        &lines.iter().map(|line| line.id).collect::<Vec<_>>(),
        &lines.iter().map(|line| line.period.from).collect::<Vec<_>>(),
        &lines.iter().map(|line| line.period.until).collect::<Vec<_>>(),
        &rates().map(|rate| rate.id).collect::<Vec<_>>(),
        &priced().map(|priced| priced.quantity).collect::<Vec<_>>(),
        &priced().map(|priced| priced.used_before).collect::<Vec<_>>() as &[Option<Decimal>],
        &priced().map(|priced| priced.used_after).collect::<Vec<_>>(),
        &priced().map(|priced| priced.amount_minor).collect::<Vec<_>>(),
        &components,
        &instances,
        &priced().map(|priced| priced.inputs).collect::<Vec<_>>(),
        &priced().map(|priced| priced.sha256.clone()).collect::<Vec<_>>()
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

fn json<T: Serialize>(values: impl Iterator<Item = T>) -> sqlx::Result<Vec<Value>> {
    let values: Result<_, _> = values.map(serde_json::to_value).collect();
    values.map_err(|error| sqlx::Error::Encode(error.into()))
}
