//! SQL of the ledger of mails.

use super::{
    model::{Mail, Status},
    queue_store::WORK,
};
use chrono::{DateTime, Utc};
use common::{
    db::{CrossTenantTx, Scoped},
    page::PageRequest,
    trace,
};
use contracts::messages::SendMail;
use uuid::Uuid;

/// What came of asking for a mail.
#[derive(Debug, PartialEq, Eq)]
pub enum Enqueued {
    New,
    /// The same mail was asked for before.
    Repeated(Uuid),
    /// Another mail has this key.
    KeyReused,
}

/// A mail to be enqueued, its content already checked.
pub struct NewEntry<'a> {
    pub id: Uuid,
    pub order: &'a SendMail,
    pub content_hash: &'a [u8],
    pub content_sealed: &'a [u8],
    pub subject: &'a str,
    pub now: DateTime<Utc>,
    pub give_up_at: DateTime<Utc>,
}

/// Takes the mail of the tenant whose transaction it is; the platform's own is nobody's.
pub async fn enqueue(tx: &mut impl Scoped, new: NewEntry<'_>) -> sqlx::Result<Enqueued> {
    let inserted = sqlx::query!(
        "INSERT INTO mails (id, key, content_hash, tenant_id, template, recipient, subject, content_sealed, status,
         send_after, created_at, updated_at, give_up_at, traceparent)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'queued', now(), $9, $9, $10, $11) ON CONFLICT (key) DO NOTHING",
        new.id,
        new.order.key,
        new.content_hash,
        tx.tenant_if_one().map(|tenant| tenant.0),
        new.order.mail.template(),
        new.order.recipient,
        new.subject,
        new.content_sealed,
        new.now,
        new.give_up_at,
        trace::current().map(|step| step.to_string()),
    )
    .execute(&mut **tx)
    .await?;
    if inserted.rows_affected() == 1 {
        tx.wake(WORK);
        return Ok(Enqueued::New);
    }
    let earlier = sqlx::query!("SELECT id, content_hash FROM mails WHERE key = $1", new.order.key)
        .fetch_optional(&mut **tx)
        .await?;
    // The mail of the key may be another tenant's, and then it is not to be seen here.
    let repeated = earlier.filter(|earlier| earlier.content_hash == new.content_hash);
    Ok(repeated.map_or(Enqueued::KeyReused, |earlier| Enqueued::Repeated(earlier.id)))
}

pub async fn get(tx: &mut impl Scoped, id: Uuid) -> sqlx::Result<Option<Mail>> {
    sqlx::query_as!(
        Mail,
        r#"SELECT id, key, tenant_id, template, recipient, subject, status AS "status: Status", reason, ses_message_id,
                  created_at, updated_at, give_up_at, substr(traceparent, 4, 32) AS trace_id
             FROM mails WHERE id = $1"#,
        id
    )
    .fetch_optional(&mut **tx)
    .await
}

pub async fn list(
    tx: &mut CrossTenantTx,
    recipient: Option<&str>,
    status: Option<Status>,
    page: PageRequest,
) -> sqlx::Result<Vec<Mail>> {
    sqlx::query_as!(
        Mail,
        r#"SELECT id, key, tenant_id, template, recipient, subject, status AS "status: Status", reason, ses_message_id,
                  created_at, updated_at, give_up_at, substr(traceparent, 4, 32) AS trace_id
             FROM mails
            WHERE ($1::text IS NULL OR recipient = $1) AND ($2::text IS NULL OR status = $2) AND id > $3
            ORDER BY id LIMIT $4"#,
        recipient,
        status as Option<Status>,
        page.after,
        page.fetch()
    )
    .fetch_all(&mut **tx)
    .await
}

/// The mail that an SES event is about.
pub async fn find_for_event(
    tx: &mut CrossTenantTx,
    ledger_id: Option<Uuid>,
    ses_message_id: &str,
) -> sqlx::Result<Option<Uuid>> {
    sqlx::query_scalar!(
        "SELECT id FROM mails WHERE id = $1 OR ses_message_id = $2 FOR UPDATE",
        ledger_id,
        ses_message_id
    )
    .fetch_optional(&mut **tx)
    .await
}

/// Moves a mail forward to what an event tells; an older event changes nothing.
pub async fn advance(
    tx: &mut CrossTenantTx,
    id: Uuid,
    status: Status,
    reason: Option<&str>,
    ses_message_id: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE mails SET status = $2, reason = COALESCE($3, reason), ses_message_id = COALESCE(ses_message_id, $4),
         updated_at = $5,
                content_sealed = CASE WHEN $7 THEN NULL ELSE content_sealed END
         WHERE id = $1 AND status = ANY($6)",
        id,
        status as Status,
        reason,
        ses_message_id,
        now,
        &status.overwrites() as &[Status],
        status.ends_content(),
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Whether the mail could still be sent, because its content is there and its time is not over.
pub async fn has_content(tx: &mut CrossTenantTx, id: Uuid) -> sqlx::Result<bool> {
    let there = sqlx::query_scalar!(
        r#"SELECT content_sealed IS NOT NULL AND give_up_at > now() AS "there!" FROM mails WHERE id = $1"#,
        id
    );
    Ok(there.fetch_optional(&mut **tx).await?.unwrap_or(false))
}
