//! Cost-and-usage reports: an invoice as a table, a row for what each instance used at each rate, for each adjustment and
//! each tax, for spreadsheets and for programs that read Amazon's. It is read from what the invoice says, a page at a time.

mod rows;

use super::{
    routes::{ReadInvoices, no_invoice},
    store::{self, Invoice},
};
use crate::{adjustments, app::App, taxes};
use access::Allowed;
use axum::{
    body::{Body, Bytes},
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use common::{http::Path, problem::Problem};
use futures_util::{Stream, stream::try_unfold};
use rows::{Row, of_adjustment, of_line, of_tax, written};
use uuid::Uuid;

/// Lines read in one transaction. Nothing changes between them: the invoice is finalized.
const AT_ONCE: i64 = 100;
const CSV: &str = "text/csv; charset=utf-8; header=present";

/// What comes next of a report.
enum Next {
    /// The lines after this one, and the columns' names before the first.
    Lines(Uuid),
    Adjustments,
    Nothing,
}

struct Report {
    app: App,
    caller: Allowed<ReadInvoices>,
    invoice: Invoice,
}

#[utoipa::path(get, path = "/v1/invoices/{id}/cost-and-usage", operation_id = "getCostAndUsage", tag = "invoices",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = String, content_type = "text/csv", headers(("Content-Disposition" = String)),
            description = "Comma-separated values (RFC 4180)."),
        (status = 404, description = "`invoice_not_found`")), security(("bearer" = ["billing.readInvoices"])))]
pub async fn get(
    State(app): State<App>,
    caller: Allowed<ReadInvoices>,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let invoice = store::find(&mut caller.begin(&app.db).await?, id).await?.ok_or_else(no_invoice)?;
    let name = invoice.number.clone().unwrap_or_else(|| invoice.id.to_string());
    let said = [
        (header::CONTENT_TYPE, CSV.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"cost-and-usage-{name}.csv\"")),
    ];
    Ok((said, Body::from_stream(pages(Report { app, caller, invoice }))).into_response())
}

/// The report in pieces. What fails in the middle breaks the answer off, so nobody takes a part for the whole.
fn pages(report: Report) -> impl Stream<Item = Result<Bytes, Problem>> {
    try_unfold((report, Next::Lines(Uuid::nil())), async |(report, next)| {
        let (rows, is_first, then) = match next {
            Next::Lines(after) => {
                let (rows, last) = report.lines(after).await?;
                (rows, after.is_nil(), last.map_or(Next::Adjustments, Next::Lines))
            }
            Next::Adjustments => (report.adjustments().await?, false, Next::Nothing),
            Next::Nothing => return Ok(None),
        };
        let written = written(&rows, is_first).map_err(|error| Problem::internal(&error))?;
        Ok(Some((Bytes::from(written), (report, then))))
    })
}

impl Report {
    /// Rows of the next lines, and the last of these if there may be more.
    async fn lines(&self, after: Uuid) -> Result<(Vec<Row>, Option<Uuid>), Problem> {
        let mut tx = self.caller.begin(&self.app.db).await?;
        let lines = store::lines_after(&mut tx, self.invoice.id, after, AT_ONCE).await?;
        let last = lines.last().filter(|_| lines.len() == AT_ONCE as usize).map(|line| line.id);
        Ok((lines.iter().flat_map(|line| of_line(&self.invoice, line)).collect(), last))
    }

    async fn adjustments(&self) -> Result<Vec<Row>, Problem> {
        let tx = &mut self.caller.begin(&self.app.db).await?;
        let adjustments = adjustments::list(tx, self.invoice.id).await?;
        let taxes = taxes::store::list(tx, self.invoice.id).await?;
        let of_adjustments = adjustments.iter().map(|adjustment| of_adjustment(&self.invoice, adjustment));
        Ok(of_adjustments.chain(taxes.iter().flat_map(|tax| of_tax(&self.invoice, tax))).collect())
    }
}
