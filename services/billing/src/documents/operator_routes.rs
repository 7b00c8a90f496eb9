//! HTTP of documents for operators: which invoices have none, and why.

use super::{
    operator_store::{self as store, DocumentFilter, InvoiceDocument},
    rendering::RENDER,
};
use crate::{
    app::App,
    payments::{routes::no_invoice, store as payments},
};
use access::Allowed;
use axum::{extract::State, http::StatusCode};
use common::{
    db::Scoped,
    http::{Json, Path, Query},
    page::{Page, PageQuery},
    problem::Problem,
};
use uuid::Uuid;

access::permissions! { pub RenderDocuments = platform "billing.renderDocuments" }

#[utoipa::path(get, path = "/v1/invoice-documents", operation_id = "listInvoiceDocuments", tag = "invoices",
    params(DocumentFilter, PageQuery), responses((status = 200, body = Page<InvoiceDocument>)),
    security(("bearer" = ["billing.renderDocuments"])))]
pub async fn list(
    State(app): State<App>,
    caller: Allowed<RenderDocuments>,
    Query(filter): Query<DocumentFilter>,
    Query(query): Query<PageQuery>,
) -> Result<Page<InvoiceDocument>, Problem> {
    let page = query.check()?;
    let found = store::page(&mut caller.begin_across_tenants(&app.db).await?, &filter, page).await?;
    Ok(Page::cut(found, page, |document| document.invoice_id))
}

#[utoipa::path(post, path = "/v1/invoices/{id}/document/render", operation_id = "renderInvoiceDocument",
    tag = "invoices", params(("id" = Uuid, Path)),
    responses((status = 202, body = InvoiceDocument, description = "It is tried at once, unless it is there already."),
        (status = 404, description = "`invoice_not_found`, `document_not_ready`")),
    extensions(("x-no-idempotency-key" = json!("It is made once, however often somebody asks."))),
    security(("bearer" = ["billing.renderDocuments"])))]
pub async fn render(
    State(app): State<App>,
    caller: Allowed<RenderDocuments>,
    Path(id): Path<Uuid>,
) -> Result<(StatusCode, Json<InvoiceDocument>), Problem> {
    let mut across = caller.begin_across_tenants(&app.db).await?;
    let tenant = payments::tenant_of(&mut across, id).await?.ok_or_else(no_invoice)?;
    let found = store::hasten(across.narrow(tenant).await?, id, app.ambient.now()).await?;
    let document = found.ok_or_else(super::routes::not_ready)?;
    across.wake(RENDER);
    across.commit().await?;
    Ok((StatusCode::ACCEPTED, Json(document)))
}
