//! HTTP of the document of an invoice: a tenant gets a URL of each of its files.

use super::{
    rendering::{KIND, PDF, XML},
    settings::Documents,
    store::{self, DocumentState, Found, Refusal, StoredFile},
};
use crate::{
    app::App,
    invoices::{routes::ReadInvoices, store as invoices},
    payments::routes::no_invoice,
};
use access::Allowed;
use axum::extract::State;
use chrono::{DateTime, Utc};
use common::{
    http::{Json, Path},
    problem::Problem,
};
use contracts::{id::TenantId, object_key::FileName};
use objects::{ObjectError, content::FileKind};
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;
use uuid::Uuid;

/// Whoever has a URL may read the file without a token: as long as it takes to begin that, and no longer.
const LIFETIME: Duration = Duration::from_secs(300);

/// The document of an invoice, by its files. It never changes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InvoiceDocumentFiles)]
pub struct Files {
    pub invoice_id: Uuid,
    /// The invoice's.
    #[schema(example = "00000042")]
    pub number: String,
    /// When it was made.
    pub rendered_at: DateTime<Utc>,
    /// Downloads must begin before.
    pub urls_expire_at: DateTime<Utc>,
    /// PDF/A-3 with the XML in it (Factur-X).
    pub pdf: File,
    /// The invoice in the syntax CII of EN 16931; absent in a currency of more than two decimal places.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub xml: Option<File>,
}

/// A file, and where it is downloaded.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InvoiceDocumentFile)]
pub struct File {
    /// Whoever has it may download the file by GET, without a token.
    #[schema(format = "uri")]
    pub url: String,
    #[schema(example = "application/pdf")]
    pub media_type: &'static str,
    pub bytes: i64,
    /// SHA-256 of the file, in hexadecimal.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub sha256: String,
}

#[utoipa::path(get, path = "/v1/invoices/{id}/document", operation_id = "getInvoiceDocument", tag = "invoices",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Files),
        (status = 404, description = "`invoice_not_found`, `documents_not_configured`, `document_not_ready`, \
            `billing_details_missing`, `document_refused`")),
    security(("bearer" = ["billing.readInvoices"])))]
pub async fn get(
    State(app): State<App>,
    caller: Allowed<ReadInvoices>,
    Path(id): Path<Uuid>,
) -> Result<Json<Files>, Problem> {
    let mut tx = caller.begin(&app.db).await?;
    let invoice = invoices::find(&mut tx, id).await?.ok_or_else(no_invoice)?;
    let found = store::find(&mut tx, id).await?;
    drop(tx);
    let documents = app.documents.as_ref().ok_or_else(not_configured)?;
    let (found, number) = found.zip(invoice.number).ok_or_else(not_ready)?;
    let signer = Signer { documents, tenant: caller.tenant, number: &number };
    let (rendered_at, pdf, xml) = rendered(found)?;
    Ok(Json(Files {
        invoice_id: id,
        rendered_at,
        urls_expire_at: app.ambient.now() + LIFETIME,
        pdf: signer.file(PDF, pdf).await?,
        xml: match xml {
            Some(xml) => Some(signer.file(XML, xml).await?),
            None => None,
        },
        number,
    }))
}

/// Signs URLs of one invoice's files.
struct Signer<'a> {
    documents: &'a Documents,
    tenant: TenantId,
    number: &'a str,
}

impl Signer<'_> {
    async fn file(&self, kind: FileKind, stored: StoredFile) -> Result<File, Problem> {
        let name: FileName = format!("invoice-{}.{}", self.number, kind.extension)
            .parse()
            .map_err(|fault| Problem::internal(&ObjectError::Refused(format!("{fault}"))))?;
        let contents = self.documents.bucket.contents(KIND, self.tenant);
        let url = contents.presign_get(&stored.sha256, kind, &name, LIFETIME).await?;
        let StoredFile { sha256, bytes } = stored;
        Ok(File { url: url.into(), media_type: kind.media_type, bytes, sha256: hex::encode(sha256) })
    }
}

/// When it was made, and its files.
fn rendered(found: Found) -> Result<(DateTime<Utc>, StoredFile, Option<StoredFile>), Problem> {
    match (found.state, found.rendered_at.zip(found.pdf)) {
        (DocumentState::Rendered, Some((rendered_at, pdf))) => Ok((rendered_at, pdf, found.xml)),
        (DocumentState::Refused, _) if found.refusal == Some(Refusal::DetailsMissing) => {
            let detail = "The account has no billing details. The document is made once they are there.";
            Err(Problem::not_found("billing_details_missing", detail))
        }
        (DocumentState::Refused, _) => {
            let reason = found.reason.unwrap_or_default();
            Err(Problem::not_found("document_refused", format!("No document can be made of this invoice: {reason}.")))
        }
        _ => Err(not_ready()),
    }
}

pub fn not_ready() -> Problem {
    Problem::not_found("document_not_ready", "The document of this invoice is being made. Try again in a moment.")
}

fn not_configured() -> Problem {
    let detail = "No documents of invoices are made here: nobody has said who the seller is.";
    Problem::not_found("documents_not_configured", detail)
}
