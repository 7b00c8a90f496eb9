//! SQL of the documents of invoices: whose turn it is, and what has become of one.

use chrono::{DateTime, Utc};
use common::db::{CrossTenantTx, TenantTx};
use contracts::id::TenantId;
use objects::content::Digest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// What has become of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum DocumentState {
    /// It is being made, or will be when what is away is back.
    Pending,
    /// It is there, for good.
    Rendered,
    /// It cannot be made. It is tried again when the account's details are edited, or an operator asks.
    Refused,
}

/// Why no document can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Refusal {
    /// The account has no details, so nobody knows who the invoice is made out to.
    DetailsMissing,
    /// The invoice breaks a rule of EN 16931, or is too large.
    InvoiceRefused,
    /// The PDF cannot be written.
    NotRendered,
}

/// An invoice whose document's turn it is.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    pub invoice_id: Uuid,
    pub tenant_id: TenantId,
    pub repeats: i32,
    /// Renderers in a row that took it up and said nothing of it since.
    pub deaths: i32,
}

/// A file of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredFile {
    pub sha256: Digest,
    pub bytes: i64,
}

/// What has become of the document of an invoice.
#[derive(Clone, Debug)]
pub struct Found {
    pub state: DocumentState,
    pub refusal: Option<Refusal>,
    pub reason: Option<String>,
    pub rendered_at: Option<DateTime<Utc>>,
    pub pdf: Option<StoredFile>,
    pub xml: Option<StoredFile>,
}

/// Takes up invoices that are collected by now, and so have a number and a due date. Gives how many.
pub async fn open(tx: &mut CrossTenantTx, now: DateTime<Utc>, limit: i64) -> sqlx::Result<u64> {
    let opened = sqlx::query!(
        "INSERT INTO invoice_document (invoice_id, tenant_id, series, number, state, opened_at, next_at)
         SELECT invoice_id, tenant_id, series, number, 'pending', $1, $1 FROM invoice_payment
         WHERE series = 'invoice'
           AND number > coalesce((SELECT max(number) FROM invoice_document WHERE series = 'invoice'), 0)
         ORDER BY number LIMIT $2
         ON CONFLICT DO NOTHING",
        now,
        limit
    );
    Ok(opened.execute(&mut **tx).await?.rows_affected())
}

/// The one that has been due for longest and that nobody else has; until `lease` nobody else takes it up then.
pub async fn take(tx: &mut CrossTenantTx, now: DateTime<Utc>, lease: DateTime<Utc>) -> sqlx::Result<Option<Taken>> {
    let taken = sqlx::query_as!(
        Taken,
        r#"UPDATE invoice_document SET next_at = $2, deaths = deaths + 1 WHERE invoice_id = (
           SELECT invoice_id FROM invoice_document WHERE next_at <= $1 ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED)
         RETURNING invoice_id, tenant_id, repeats, deaths - 1 AS "deaths!""#,
        now,
        lease
    );
    taken.fetch_optional(&mut **tx).await
}

/// It is there, unless somebody else was faster.
pub async fn finish(
    tx: &mut TenantTx,
    invoice: Uuid,
    pdf: StoredFile,
    xml: Option<StoredFile>,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let finished = sqlx::query!(
        "UPDATE invoice_document SET state = 'rendered', next_at = NULL, repeats = 0, deaths = 0, reason = NULL, rendered_at = $3,
           pdf_sha256 = $4, pdf_bytes = $5, xml_sha256 = $6, xml_bytes = $7
         WHERE tenant_id = $1 AND invoice_id = $2 AND state = 'pending'",
        tx.tenant().0,
        invoice,
        now,
        &pdf.sha256,
        pdf.bytes,
        xml.as_ref().map(|file| file.sha256.as_slice()),
        xml.map(|file| file.bytes)
    );
    Ok(finished.execute(&mut **tx).await?.rows_affected() == 1)
}

/// It waits for somebody.
pub async fn refuse(tx: &mut TenantTx, invoice: Uuid, refusal: Refusal, reason: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE invoice_document SET state = 'refused', next_at = NULL, repeats = 0, deaths = 0, refusal = $3, reason = $4
         WHERE tenant_id = $1 AND invoice_id = $2 AND state = 'pending'",
        tx.tenant().0,
        invoice,
        refusal as Refusal,
        reason
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// It is taken up again then, unless somebody was faster.
pub async fn put_off(
    tx: &mut TenantTx,
    invoice: Uuid,
    next_at: DateTime<Utc>,
    repeats: i32,
    reason: Option<&str>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE invoice_document SET next_at = $3, repeats = $4, deaths = 0, reason = $5
         WHERE tenant_id = $1 AND invoice_id = $2 AND state = 'pending'",
        tx.tenant().0,
        invoice,
        next_at,
        repeats,
        reason
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// What was refused of the tenant is tried again: its details are others.
pub async fn retry(tx: &mut TenantTx, now: DateTime<Utc>) -> sqlx::Result<u64> {
    let retried = sqlx::query!(
        "UPDATE invoice_document SET state = 'pending', refusal = NULL, reason = NULL, deaths = 0,
           next_at = CASE state WHEN 'refused' THEN $2 ELSE next_at END
         WHERE tenant_id = $1 AND (state = 'refused' OR deaths > 1)",
        tx.tenant().0,
        now
    );
    Ok(retried.execute(&mut **tx).await?.rows_affected())
}

/// `None` if the tenant has no such invoice, or it has only just got its number.
pub async fn find(tx: &mut TenantTx, invoice: Uuid) -> sqlx::Result<Option<Found>> {
    let found = sqlx::query!(
        r#"SELECT state AS "state: DocumentState", refusal AS "refusal: Refusal", reason, rendered_at, pdf_sha256,
             pdf_bytes, xml_sha256, xml_bytes
           FROM invoice_document WHERE tenant_id = $1 AND invoice_id = $2"#,
        tx.tenant().0,
        invoice
    );
    let Some(row) = found.fetch_optional(&mut **tx).await? else { return Ok(None) };
    Ok(Some(Found {
        state: row.state,
        refusal: row.refusal,
        reason: row.reason,
        rendered_at: row.rendered_at,
        pdf: file(row.pdf_sha256, row.pdf_bytes)?,
        xml: file(row.xml_sha256, row.xml_bytes)?,
    }))
}

fn file(sha256: Option<Vec<u8>>, bytes: Option<i64>) -> sqlx::Result<Option<StoredFile>> {
    let Some((sha256, bytes)) = sha256.zip(bytes) else { return Ok(None) };
    let sha256 = Digest::try_from(sha256).map_err(|_| sqlx::Error::Decode("no SHA-256".into()))?;
    Ok(Some(StoredFile { sha256, bytes }))
}
