//! SQL of invoices: written once, by the close of a cycle; the database refuses any later change.

use super::model::{Component, Input, Priced, seconds};
use crate::{
    accounts::Account,
    currency::Currency,
    rates::{Kind, Rate},
};
use chrono::{DateTime, Utc};
use common::{db::TenantTx, page::PageRequest};
use contracts::id::{InstanceId, TenantId};
use futures_util::{StreamExt, stream::BoxStream};
use rust_decimal::Decimal;
use serde::Serialize;
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Invoice {
    pub id: Uuid,
    pub tenant_id: TenantId,
    pub cycle_id: Uuid,
    /// Without gaps over the whole deployment.
    #[schema(example = "00000042")]
    pub number: String,
    #[schema(value_type = String, example = "EUR")]
    pub currency: Currency,
    /// Sum of the lines, in the currency's minor unit (ISO 4217).
    pub total_minor: i64,
    pub period_start: DateTime<Utc>,
    /// The period ends just before this moment.
    pub period_end: DateTime<Utc>,
    pub issued_at: DateTime<Utc>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Line {
    pub id: Uuid,
    pub kind: Kind,
    #[schema(example = "forum")]
    pub service: String,
    /// The feature or meter.
    #[schema(example = "forum.polls")]
    pub name: String,
    pub description: String,
    /// In `unit`, unrounded.
    #[schema(format = "decimal")]
    pub quantity: Decimal,
    #[schema(example = "hour")]
    pub unit: String,
    pub rate_id: Uuid,
    /// Price of one unit, as the rate had it.
    #[schema(format = "decimal")]
    pub price: Decimal,
    /// quantity × price, rounded once, half away from zero, in the currency's minor unit.
    pub amount_minor: i64,
    #[schema(value_type = String, example = "EUR")]
    pub currency: Currency,
    /// What each instance adds; seconds of a feature, units of a meter.
    #[schema(value_type = Vec<Component>)]
    pub components: Json<Vec<Component>>,
    /// Raw rows that the line is made of.
    pub input_count: i64,
    /// SHA-256 of the raw rows, in hexadecimal.
    pub input_sha256: String,
}

/// An invoice that is being made.
pub struct Draft {
    pub id: Uuid,
    pub cycle_id: Uuid,
    pub period_start: DateTime<Utc>,
    pub period_end: DateTime<Utc>,
}

/// The columns of an [`Invoice`] of the tenant (`$1`).
macro_rules! invoices {
    ($rest:literal, $($argument:expr),+) => {
        sqlx::query_as!(
            Invoice,
            r#"SELECT id, tenant_id, cycle_id, number AS "number!", currency AS "currency: Currency", total_minor,
               period_start, period_end,
                      issued_at
               FROM invoice WHERE tenant_id = $1 AND state = 'finalized' AND "# + $rest,
            $($argument),+
        )
    };
}

pub async fn page(tx: &mut TenantTx, page: PageRequest) -> sqlx::Result<Vec<Invoice>> {
    let invoices = invoices!("id > $2 ORDER BY id LIMIT $3", tx.tenant().0, page.after, page.fetch());
    invoices.fetch_all(&mut **tx).await
}

pub async fn find(tx: &mut TenantTx, id: Uuid) -> sqlx::Result<Option<Invoice>> {
    invoices!("id = $2", tx.tenant().0, id).fetch_optional(&mut **tx).await
}

/// The invoice of a closed cycle.
pub async fn of_cycle(tx: &mut TenantTx, cycle: Uuid) -> sqlx::Result<Invoice> {
    invoices!("cycle_id = $2", tx.tenant().0, cycle).fetch_one(&mut **tx).await
}

pub async fn insert(tx: &mut TenantTx, account: &Account, draft: &Draft) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO invoice (id, tenant_id, cycle_id, state, currency, total_minor, period_start, period_end,
         issued_at)
         VALUES ($1, $2, $3, 'draft', $4, 0, $5, $6, $6)",
        draft.id,
        tx.tenant().0,
        draft.cycle_id,
        account.currency.code(),
        draft.period_start,
        draft.period_end,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Gives the draft its total and its number; from then on the database refuses every change. The number's row is taken
/// last, so that it is held shortly.
pub async fn finalize(tx: &mut TenantTx, invoice: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH next AS (UPDATE invoice_counter SET last = last + 1 RETURNING last)
         UPDATE invoice SET state = 'finalized', number = lpad(next.last::text, greatest(8, length(next.last::text)),
         '0'),
             total_minor = (SELECT coalesce(sum(amount_minor), 0) FROM invoice_line WHERE invoice_id = $1
             AND tenant_id = $2)::bigint
         FROM next WHERE id = $1 AND tenant_id = $2",
        invoice,
        tx.tenant().0,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

pub async fn lines(tx: &mut TenantTx, invoice: Uuid) -> sqlx::Result<Vec<Line>> {
    let lines = sqlx::query_as!(
        Line,
        r#"SELECT id, kind AS "kind: Kind", service, name, description, quantity, unit, rate_id, price, amount_minor,
           currency AS "currency: Currency",
                  components AS "components: Json<Vec<Component>>", input_count,
                  encode(input_sha256, 'hex') AS "input_sha256!"
           FROM invoice_line WHERE tenant_id = $1 AND invoice_id = $2 ORDER BY kind, name, id"#,
        tx.tenant().0,
        invoice,
    );
    lines.fetch_all(&mut **tx).await
}

/// The raw rows that a line was made of, in the order of their ids.
pub fn inputs<'c>(tx: &'c mut TenantTx, line: &Line) -> BoxStream<'c, sqlx::Result<Input>> {
    match line.kind {
        Kind::Feature => parts(tx, line.id),
        Kind::Meter => events(tx, line.id),
    }
}

fn parts(tx: &mut TenantTx, line: Uuid) -> BoxStream<'_, sqlx::Result<Input>> {
    sqlx::query!(
        "SELECT i.id, i.instance_id, i.feature, i.host, i.begin_at, p.from_at, p.until_at
         FROM invoice_line_interval p JOIN usage_interval i ON i.id = p.interval_id AND i.tenant_id = p.tenant_id
         WHERE p.tenant_id = $1 AND p.line_id = $2 ORDER BY i.id",
        tx.tenant().0,
        line,
    )
    .map(|row| Input::Interval {
        id: row.id,
        instance_id: InstanceId(row.instance_id),
        feature: row.feature,
        host: row.host,
        since: row.begin_at,
        from: row.from_at,
        until: row.until_at,
        seconds: seconds(row.from_at, row.until_at),
    })
    .fetch(&mut **tx)
    .boxed()
}

fn events(tx: &mut TenantTx, line: Uuid) -> BoxStream<'_, sqlx::Result<Input>> {
    sqlx::query!(
        "SELECT id, instance_id, meter, key, quantity, occurred_at, received_at FROM usage_event
         WHERE tenant_id = $1 AND line_id = $2 ORDER BY id",
        tx.tenant().0,
        line,
    )
    .map(|row| Input::Event {
        id: row.id,
        instance_id: InstanceId(row.instance_id),
        meter: row.meter,
        key: row.key,
        quantity: row.quantity,
        occurred_at: row.occurred_at,
        received_at: row.received_at,
    })
    .fetch(&mut **tx)
    .boxed()
}

pub async fn insert_line(tx: &mut TenantTx, id: Uuid, draft: &Draft, rate: &Rate, priced: &Priced) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO invoice_line (id, invoice_id, tenant_id, kind, service, name, description, quantity, unit,
         rate_id, price, amount_minor, currency,
                                   components, input_count, input_sha256)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, decode($16, 'hex'))",
        id,
        draft.id,
        tx.tenant().0,
        rate.kind as Kind,
        rate.service,
        rate.name,
        format!("{}, per {}", rate.title, rate.unit),
        priced.quantity,
        rate.unit,
        rate.id,
        rate.price,
        priced.amount_minor,
        rate.currency.code(),
        Json(&priced.components) as _,
        priced.inputs,
        priced.sha256,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}
