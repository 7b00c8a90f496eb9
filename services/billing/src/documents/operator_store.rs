//! SQL of what operators see of documents, of every tenant.

use super::store::{DocumentState, Refusal};
use chrono::{DateTime, Utc};
use common::{
    db::{CrossTenantTx, TenantTx},
    page::PageRequest,
};
use contracts::id::TenantId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// What has become of the document of an invoice, for operators.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct InvoiceDocument {
    pub invoice_id: Uuid,
    pub tenant_id: TenantId,
    /// The invoice's.
    #[schema(example = "00000042")]
    pub number: String,
    pub state: DocumentState,
    /// Only of what is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
    /// Why it is refused, or why the last try came to nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "the store of files does not answer: 503 Service Unavailable")]
    pub reason: Option<String>,
    /// Tries in a row that came to nothing because something was away.
    pub repeats: i32,
    /// When it is tried next; only while it is pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_at: Option<DateTime<Utc>>,
    /// Since when it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rendered_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DocumentFilter {
    /// Only this tenant's.
    pub tenant_id: Option<TenantId>,
    /// Only those in this state.
    #[param(inline)]
    pub state: Option<DocumentState>,
}

/// Documents that are not made.
#[derive(Clone, Copy, Debug)]
pub struct Troubled {
    pub refused: i64,
    /// Pending since before a moment.
    pub overdue: i64,
}

pub async fn page(
    tx: &mut CrossTenantTx,
    filter: &DocumentFilter,
    page: PageRequest,
) -> sqlx::Result<Vec<InvoiceDocument>> {
    let documents = sqlx::query_as!(
        InvoiceDocument,
        r#"SELECT invoice_id, tenant_id, lpad(number::text, greatest(8, length(number::text)), '0') AS "number!",
             state AS "state: DocumentState", refusal AS "refusal: Refusal", reason, repeats, next_at, rendered_at
           FROM invoice_document
           WHERE ($1::uuid IS NULL OR tenant_id = $1) AND ($2::text IS NULL OR state = $2) AND invoice_id > $3
           ORDER BY invoice_id LIMIT $4"#,
        filter.tenant_id.map(|tenant| tenant.0),
        filter.state as Option<DocumentState>,
        page.after,
        page.fetch()
    );
    documents.fetch_all(&mut **tx).await
}

/// Has what is not there tried at once; gives what has become of it, or `None` if there is no such document.
pub async fn hasten(tx: &mut TenantTx, invoice: Uuid, now: DateTime<Utc>) -> sqlx::Result<Option<InvoiceDocument>> {
    sqlx::query!(
        "UPDATE invoice_document SET state = 'pending', refusal = NULL, reason = NULL, deaths = 0, next_at = $3
         WHERE tenant_id = $1 AND invoice_id = $2 AND state <> 'rendered'",
        tx.tenant().0,
        invoice,
        now
    )
    .execute(&mut **tx)
    .await?;
    let found = sqlx::query_as!(
        InvoiceDocument,
        r#"SELECT invoice_id, tenant_id, lpad(number::text, greatest(8, length(number::text)), '0') AS "number!",
             state AS "state: DocumentState", refusal AS "refusal: Refusal", reason, repeats, next_at, rendered_at
           FROM invoice_document WHERE tenant_id = $1 AND invoice_id = $2"#,
        tx.tenant().0,
        invoice
    );
    found.fetch_optional(&mut **tx).await
}

/// How many need somebody: refused, or pending since before `since`.
pub async fn troubled(tx: &mut CrossTenantTx, since: DateTime<Utc>) -> sqlx::Result<Troubled> {
    let troubled = sqlx::query_as!(
        Troubled,
        r#"SELECT count(*) FILTER (WHERE state = 'refused') AS "refused!",
             count(*) FILTER (WHERE state = 'pending' AND opened_at < $1) AS "overdue!"
           FROM invoice_document WHERE state <> 'rendered'"#,
        since
    );
    troubled.fetch_one(&mut **tx).await
}
