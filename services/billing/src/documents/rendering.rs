//! The renderer: takes up one invoice at a time, makes its document, and writes that to S3. It may die at any moment:
//! whoever takes over makes the same bytes again, which have the same key.

use super::{
    facts::{Facts, Paying},
    mapping, operator_store,
    settings::Documents,
    store::{self, Refusal, StoredFile, Taken},
};
use crate::{
    accounts::details_store,
    adjustments,
    app::App,
    invoices::store::{self as invoices, Invoice},
    payments::{self, PaymentState, charging},
    taxes,
};
use aws_lc_rs::digest::{SHA256, digest};
use chrono::TimeDelta;
use common::{
    backoff::Backoff,
    db::{Background, TenantScope, TenantTx},
    poller::Poller,
    problem::Chain,
};
use invoice_document::{Document, NotRendered};
use objects::{
    LARGEST, ObjectError,
    content::{Digest, FileKind},
};
use std::{sync::Arc, time::Duration};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

/// What a commit wakes the renderer for.
pub const RENDER: &str = "render documents";
/// How often it is looked for what is due.
const LOOK: Duration = Duration::from_secs(10);
/// Whoever has taken up an invoice and does not put it off is taken to be dead. Longer than rendering and both calls of
/// S3 take.
const LEASE: TimeDelta = TimeDelta::minutes(10);
/// Invoices taken up in one transaction.
const BATCH: i64 = 200;
/// While S3 is away.
const REPEATED: Backoff = Backoff { base: Duration::from_secs(5), factor: 2, cap: Duration::from_secs(900) };
/// Renderers that may die in a row while they have an invoice: one that takes more memory than there is must not end each.
const MOST_DEATHS: i32 = 5;
/// How often documents in trouble are counted.
const WATCH: Duration = Duration::from_secs(60);
/// A document that is pending for so long should be there.
const OVERDUE: TimeDelta = TimeDelta::hours(1);
/// Of a reason, in characters; the column takes more.
const LONGEST_REASON: usize = 500;

/// Objects of this kind.
pub const KIND: &str = "invoices";
pub const PDF: FileKind = FileKind { extension: "pdf", media_type: "application/pdf" };
pub const XML: FileKind = FileKind { extension: "xml", media_type: "application/xml" };

/// Something that is away; it is tried again.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("the database does not answer")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Objects(#[from] ObjectError),
    #[error("the process is stopping")]
    Stopping,
}

/// Why an invoice has no document, and of which revision of its account's details.
struct Refused {
    refusal: Refusal,
    reason: String,
    revision: i32,
}

/// Renders until `shutdown`. One of these in a process bounds the memory that it takes.
pub async fn run(app: App, background: Background, shutdown: CancellationToken) {
    let Some(documents) = app.documents.clone() else {
        tracing::info!("No documents of invoices are made, as there is no SELLER_NAME");
        return;
    };
    let mut poller = Poller::new(app.db.wake(RENDER), LOOK, shutdown);
    while poller.next().await {
        let pass = next(&app, &documents, background).await;
        poller.report(pass, "The document of an invoice cannot be made yet; it stays due");
    }
}

/// Counts documents in trouble until `shutdown`.
pub async fn watch(app: App, background: Background, shutdown: CancellationToken) {
    let mut poller = Poller::every(WATCH, shutdown);
    while poller.next().await {
        let troubled = async {
            let mut tx = background.begin_across_tenants(&app.db).await?;
            operator_store::troubled(&mut tx, app.ambient.now() - OVERDUE).await
        };
        let counted = troubled.await.map(|troubled| {
            metrics::gauge!("invoice_documents_refused").set(troubled.refused as f64);
            metrics::gauge!("invoice_documents_overdue").set(troubled.overdue as f64);
            false
        });
        poller.report(counted, "Documents in trouble cannot be counted");
    }
}

/// Takes up what is new, and one invoice; gives whether there may be more.
async fn next(app: &App, documents: &Arc<Documents>, background: Background) -> Result<bool, Fault> {
    let now = app.ambient.now();
    let mut tx = background.begin_across_tenants(&app.db).await?;
    let opened = store::open(&mut tx, now, BATCH).await? > 0;
    let taken = store::take(&mut tx, now, now + LEASE).await?;
    tx.commit().await?;
    let Some(taken) = taken else { return Ok(opened) };
    let scope = background.scope(&app.db, taken.tenant_id);
    if taken.deaths >= MOST_DEATHS {
        give_up(&scope, &taken).await?;
    } else if let Err(fault) = make(app, documents, &scope, &taken).await {
        put_off(app, &scope, &taken, &fault).await?;
        return Err(fault);
    }
    Ok(true)
}

async fn put_off(app: &App, scope: &TenantScope, taken: &Taken, fault: &Fault) -> sqlx::Result<()> {
    let repeats = taken.repeats.saturating_add(1);
    let next_at = app.ambient.now() + REPEATED.ceiling(repeats.unsigned_abs());
    let mut tx = scope.begin().await?;
    store::put_off(&mut tx, taken.invoice_id, next_at, repeats, Some(&bounded(fault))).await?;
    tx.commit().await
}

async fn give_up(scope: &TenantScope, taken: &Taken) -> sqlx::Result<()> {
    tracing::error!(invoice_id = %taken.invoice_id, deaths = taken.deaths,
        "Each renderer that took up an invoice has died; it waits for an operator");
    let reason = format!("{} renderers in a row have ended while they had it.", taken.deaths);
    let mut tx = scope.begin().await?;
    store::refuse(&mut tx, taken.invoice_id, Refusal::NotRendered, &reason).await?;
    tx.commit().await
}

/// No transaction is open while it is rendered and sent.
async fn make(app: &App, documents: &Arc<Documents>, scope: &TenantScope, taken: &Taken) -> Result<(), Fault> {
    let read = read(&mut scope.begin().await?, app, taken).await?;
    let rendered = match read {
        Ok((facts, revision)) => render(documents.clone(), facts, revision).await?,
        Err(refused) => Err(refused),
    };
    match rendered {
        Ok(document) => keep(app, documents, scope, taken, document).await,
        Err(refused) => refuse(app, scope, taken, &refused).await,
    }
}

/// What the document is made of, and of which revision its buyer is.
async fn read(tx: &mut TenantTx, app: &App, taken: &Taken) -> sqlx::Result<Result<(Facts, i32), Refused>> {
    let invoice = invoices::find(tx, taken.invoice_id).await?.ok_or(sqlx::Error::RowNotFound)?;
    let account = details_store::find(tx).await?.ok_or(sqlx::Error::RowNotFound)?;
    let zone = account.time_zone.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    let number = invoice.number.clone().ok_or(sqlx::Error::RowNotFound)?;
    let Some(buyer) = account.details else {
        let reason = "The account has no billing details yet, so nobody knows who the invoice is made out to.".into();
        return Ok(Err(Refused { refusal: Refusal::DetailsMissing, reason, revision: account.revision }));
    };
    let lines = invoices::lines(tx, taken.invoice_id).await?;
    let adjustments = adjustments::list(tx, taken.invoice_id).await?;
    let taxes = taxes::store::list(tx, taken.invoice_id).await?;
    let due_at = invoice.due_at.ok_or(sqlx::Error::RowNotFound)?;
    let paying = paying(tx, app, &invoice).await?;
    let facts = Facts { invoice, number, lines, adjustments, taxes, due_at, paying, buyer, email: account.email, zone };
    Ok(Ok((facts, account.revision)))
}

async fn paying(tx: &mut TenantTx, app: &App, invoice: &Invoice) -> sqlx::Result<Paying> {
    let Some(case) = payments::store::find(tx, invoice.id).await? else { return Ok(Paying::Transfer) };
    Ok(match case.state {
        _ if invoice.total_minor == 0 => Paying::Transfer,
        PaymentState::Paid => Paying::Paid,
        _ if charging::next(tx, app, &case).await?.is_some() => Paying::Charged,
        _ => Paying::Transfer,
    })
}

async fn render(documents: Arc<Documents>, facts: Facts, revision: i32) -> Result<Result<Document, Refused>, Fault> {
    let rendered = spawn_blocking(move || {
        mapping::document(&documents.issuer, &facts).map(|document| invoice_document::render(&document))
    });
    let refused = |refusal, reason| Ok(Err(Refused { refusal, reason, revision }));
    match rendered.await {
        Ok(Ok(Ok(document))) if largest(&document) > LARGEST => {
            refused(Refusal::InvoiceRefused, ObjectError::TooLarge { most: LARGEST }.to_string())
        }
        Ok(Ok(Ok(document))) => Ok(Ok(document)),
        Ok(Ok(Err(NotRendered::Refused(rule)))) => refused(Refusal::InvoiceRefused, bounded(&rule)),
        Ok(Ok(Err(fault))) => refused(Refusal::NotRendered, bounded(&fault)),
        Ok(Err(unstated)) => refused(Refusal::InvoiceRefused, bounded(&unstated)),
        // The same invoice would be the end of the next try, too.
        Err(broken) if broken.is_panic() => refused(Refusal::NotRendered, "the renderer panicked".into()),
        Err(_) => Err(Fault::Stopping),
    }
}

/// Bytes of its largest file.
fn largest(document: &Document) -> u64 {
    document.xml.as_ref().map_or(0, String::len).max(document.pdf.len()) as u64
}

/// Writes the files, then says that they are there. Whoever dies in between has written what the next one writes.
async fn keep(
    app: &App,
    documents: &Documents,
    scope: &TenantScope,
    taken: &Taken,
    document: Document,
) -> Result<(), Fault> {
    let Document { pdf, xml, unprintable } = document;
    if !unprintable.is_empty() {
        tracing::warn!(invoice_id = %taken.invoice_id, characters = unprintable.len(),
            "The font lacks characters of a document; its PDF shows a replacement for them");
    }
    let pdf = put(documents, taken, PDF, pdf).await?;
    let xml = match xml {
        Some(xml) => Some(put(documents, taken, XML, xml.into_bytes()).await?),
        None => None,
    };
    let mut tx = scope.begin().await?;
    if store::finish(&mut tx, taken.invoice_id, pdf, xml, app.ambient.now()).await? {
        tracing::info!(invoice_id = %taken.invoice_id, bytes = pdf.bytes, "The document of an invoice is made");
    }
    Ok(tx.commit().await?)
}

async fn put(documents: &Documents, taken: &Taken, kind: FileKind, content: Vec<u8>) -> Result<StoredFile, Fault> {
    let (sha256, bytes) = (sha256(&content), content.len() as i64);
    documents.bucket.contents(KIND, taken.tenant_id).put(&sha256, kind, content).await?;
    Ok(StoredFile { sha256, bytes })
}

fn sha256(content: &[u8]) -> Digest {
    let mut sha256 = Digest::default();
    sha256.copy_from_slice(digest(&SHA256, content).as_ref());
    sha256
}

/// It waits for somebody; unless its account's details were edited since they were read, then it is tried at once.
async fn refuse(app: &App, scope: &TenantScope, taken: &Taken, refused: &Refused) -> Result<(), Fault> {
    let Refused { refusal, reason, revision } = refused;
    let mut tx = scope.begin().await?;
    if details_store::lock(&mut tx).await? == Some(*revision) {
        store::refuse(&mut tx, taken.invoice_id, *refusal, reason).await?;
        tracing::warn!(invoice_id = %taken.invoice_id, refusal = ?refusal, reason,
            "An invoice has no document; it waits for its account's details, or for an operator");
    } else {
        store::put_off(&mut tx, taken.invoice_id, app.ambient.now(), taken.repeats, None).await?;
    }
    Ok(tx.commit().await?)
}

fn bounded(error: &dyn std::error::Error) -> String {
    Chain(error).to_string().chars().take(LONGEST_REASON).collect()
}
