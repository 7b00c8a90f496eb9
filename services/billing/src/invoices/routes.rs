//! HTTP of invoices.

use super::{
    proof::{Explanation, prove},
    store::{self, Invoice, Line},
};
use crate::{
    adjustments::{self, Adjustment},
    app::App,
    taxes::{self, InvoiceTax},
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
    page::{NextCursor, Page, PageQuery},
    problem::Problem,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

access::permissions! { pub ReadInvoices = "billing.readInvoices" }

#[derive(Debug, Serialize, ToSchema)]
pub struct InvoiceWithLines {
    #[serde(flatten)]
    pub invoice: Invoice,
    pub lines: Vec<Line>,
    /// In the order in which they are made.
    pub adjustments: Vec<Adjustment>,
    /// One for each category and rate of VAT; none where the seller charges none.
    pub taxes: Vec<InvoiceTax>,
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
    let explanation = prove(tx, invoice.id, line, page).await?;
    let next = explanation.next_cursor.clone().map(|cursor| Extension(NextCursor(cursor)));
    Ok((next, Json(explanation)).into_response())
}

async fn with_lines(tx: &mut TenantTx, invoice: Invoice) -> sqlx::Result<InvoiceWithLines> {
    let lines = store::lines(tx, invoice.id).await?;
    let adjustments = adjustments::list(tx, invoice.id).await?;
    let taxes = taxes::store::list(tx, invoice.id).await?;
    Ok(InvoiceWithLines { invoice, lines, adjustments, taxes })
}

pub fn no_invoice() -> Problem {
    Problem::not_found("invoice_not_found", "There is no such invoice.")
}
