//! HTTP of invoices.

use super::{
    model::{Input, Tally, TooLarge},
    store::{self, Invoice, Line},
};
use crate::{
    app::App,
    rates::{self, Rate},
};
use access::Allowed;
use axum::{
    Extension,
    extract::State,
    response::{IntoResponse, Response},
};
use common::{
    db::TenantTx,
    http::{Json, Path, Query},
    page::{NextCursor, Page, PageQuery, PageRequest},
    problem::Problem,
};
use futures_util::TryStreamExt;
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

access::permissions! { pub ReadInvoices = "billing.readInvoices" }

#[derive(Debug, Serialize, ToSchema)]
pub struct InvoiceWithLines {
    #[serde(flatten)]
    pub invoice: Invoice,
    pub lines: Vec<Line>,
}

/// A line, proved from its raw rows.
#[derive(Debug, Serialize, ToSchema)]
pub struct Explanation {
    pub line: Line,
    pub rate: Rate,
    /// Recomputed from the raw rows, as all that follows.
    #[schema(format = "decimal")]
    pub quantity: Decimal,
    pub unit: String,
    /// One page of the raw rows, in the order of their ids.
    pub raw: Vec<Input>,
    /// The `cursor` of the next page of raw rows; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    pub recomputed_amount_minor: i64,
    pub recomputed_sha256: String,
    /// Whether amount, quantity, components, count and hash are those that the line stores.
    pub equal: bool,
}

/// The tenant's invoices, in the order they were issued.
#[utoipa::path(get, path = "/v1/invoices", operation_id = "listInvoices", tag = "invoices", params(PageQuery),
    responses((status = 200, body = Page<Invoice>)), security(("bearer" = ["billing.readInvoices"])))]
pub async fn list(
    State(app): State<App>,
    caller: Allowed<ReadInvoices>,
    Query(query): Query<PageQuery>,
) -> Result<Page<Invoice>, Problem> {
    let page = query.check()?;
    let invoices = store::page(&mut caller.begin(&app.db).await?, page).await?;
    Ok(Page::cut(invoices, page, |invoice| invoice.id))
}

#[utoipa::path(get, path = "/v1/invoices/{id}", operation_id = "getInvoice", tag = "invoices",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = InvoiceWithLines),
        (status = 404, description = "`invoice_not_found`")), security(("bearer" = ["billing.readInvoices"])))]
pub async fn get(
    State(app): State<App>,
    caller: Allowed<ReadInvoices>,
    Path(id): Path<Uuid>,
) -> Result<Json<InvoiceWithLines>, Problem> {
    let tx = &mut caller.begin(&app.db).await?;
    let invoice = store::find(tx, id).await?.ok_or_else(no_invoice)?;
    Ok(Json(with_lines(tx, invoice).await?))
}

#[utoipa::path(get, path = "/v1/invoices/{id}/lines/{line_id}/explain", operation_id = "explainInvoiceLine",
    tag = "invoices",
    params(("id" = Uuid, Path), ("line_id" = Uuid, Path), PageQuery),
    responses((status = 200, body = Explanation),
        (status = 404, description = "`invoice_not_found`, `line_not_found`")),
    security(("bearer" = ["billing.readInvoices"])))]
pub async fn explain(
    State(app): State<App>,
    caller: Allowed<ReadInvoices>,
    Path((id, line_id)): Path<(Uuid, Uuid)>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let page = query.check()?;
    let tx = &mut caller.begin(&app.db).await?;
    let invoice = store::find(tx, id).await?.ok_or_else(no_invoice)?;
    let line = store::lines(tx, invoice.id).await?.into_iter().find(|line| line.id == line_id);
    let line = line.ok_or_else(|| Problem::not_found("line_not_found", "The invoice has no such line."))?;
    let explanation = prove(tx, line, page).await?;
    let next = explanation.next_cursor.clone().map(|cursor| Extension(NextCursor(cursor)));
    Ok((next, Json(explanation)).into_response())
}

pub async fn with_lines(tx: &mut TenantTx, invoice: Invoice) -> sqlx::Result<InvoiceWithLines> {
    let lines = store::lines(tx, invoice.id).await?;
    Ok(InvoiceWithLines { invoice, lines })
}

/// Adds up the raw rows once more, all of them, and keeps those of `page` to be shown.
async fn prove(tx: &mut TenantTx, line: Line, page: PageRequest) -> Result<Explanation, Problem> {
    let rate = rates::store::find(tx, &[line.rate_id]).await?.pop().ok_or(sqlx::Error::RowNotFound)?;
    let (mut tally, mut raw) = (Tally::default(), Vec::new());
    let mut inputs = store::inputs(tx, &line);
    while let Some(input) = inputs.try_next().await? {
        tally.add(&input)?;
        if input.id() > page.after && raw.len() <= page.limit as usize {
            raw.push(input);
        }
    }
    drop(inputs);
    let Page { items: raw, next_cursor } = Page::cut(raw, page, Input::id);
    let priced = tally.price(&rate)?;
    let equal = (priced.amount_minor, priced.quantity, priced.inputs, &priced.sha256, &priced.components, rate.price)
        == (line.amount_minor, line.quantity, line.input_count, &line.input_sha256, &line.components.0, line.price);
    Ok(Explanation {
        quantity: priced.quantity,
        unit: rate.unit.clone(),
        raw,
        next_cursor,
        recomputed_amount_minor: priced.amount_minor,
        recomputed_sha256: priced.sha256,
        equal,
        line,
        rate,
    })
}

fn no_invoice() -> Problem {
    Problem::not_found("invoice_not_found", "There is no such invoice.")
}

impl From<TooLarge> for Problem {
    fn from(error: TooLarge) -> Self {
        Self::internal(&error)
    }
}
