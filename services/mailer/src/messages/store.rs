//! The ledger's SQL.

use super::model::{Message, Status};
use chrono::{DateTime, Utc};
use common::page::PageRequest;
use contracts::{id::TenantId, messages::SendMail};
use serde_json::Value;
use sqlx::PgConnection;
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
pub struct NewMessage<'a> {
    pub id: Uuid,
    pub order: &'a SendMail,
    pub content_hash: &'a [u8],
    pub tenant: Option<TenantId>,
    pub subject: &'a str,
    pub now: DateTime<Utc>,
}

pub async fn enqueue(conn: &mut PgConnection, new: NewMessage<'_>) -> sqlx::Result<Enqueued> {
    let inserted = sqlx::query!(
        "INSERT INTO messages (id, key, content_hash, tenant_id, template, recipient, subject, variables, status, send_after, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'queued', $9, $9, $9) ON CONFLICT (key) DO NOTHING",
        new.id,
        new.order.key,
        new.content_hash,
        new.tenant.map(|tenant| tenant.0),
        new.order.template,
        new.order.recipient,
        new.subject,
        Value::Object(new.order.variables.clone()),
        new.now,
    )
    .execute(&mut *conn)
    .await?;
    if inserted.rows_affected() == 1 {
        sqlx::query!("SELECT pg_notify('mail_queued', '')").execute(conn).await?;
        return Ok(Enqueued::New);
    }
    let earlier = sqlx::query!("SELECT id, content_hash FROM messages WHERE key = $1", new.order.key).fetch_optional(conn).await?;
    // The mail of the key may be another tenant's, and then it is not to be seen here.
    let repeated = earlier.filter(|earlier| earlier.content_hash == new.content_hash);
    Ok(repeated.map_or(Enqueued::KeyReused, |earlier| Enqueued::Repeated(earlier.id)))
}

pub async fn get(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Message>> {
    sqlx::query_as!(
        Message,
        "SELECT id, key, tenant_id, template, recipient, subject, status, reason, ses_message_id, created_at, updated_at
           FROM messages WHERE id = $1",
        id
    )
    .fetch_optional(conn)
    .await
}

pub async fn list(conn: &mut PgConnection, recipient: Option<&str>, page: PageRequest) -> sqlx::Result<Vec<Message>> {
    sqlx::query_as!(
        Message,
        "SELECT id, key, tenant_id, template, recipient, subject, status, reason, ses_message_id, created_at, updated_at
           FROM messages WHERE ($1::text IS NULL OR recipient = $1) AND id > $2 ORDER BY id LIMIT $3",
        recipient,
        page.after,
        page.fetch()
    )
    .fetch_all(conn)
    .await
}

/// A mail that was claimed to be handed to SES.
#[derive(Debug)]
pub struct Claimed {
    pub id: Uuid,
    pub template: String,
    pub recipient: String,
    pub variables: Option<Value>,
    pub attempts: i32,
    pub suppressed_by: Option<String>,
}

/// Claims one waiting mail; no other process gets it.
pub async fn claim(conn: &mut PgConnection, now: DateTime<Utc>) -> sqlx::Result<Option<Claimed>> {
    sqlx::query_as!(
        Claimed,
        r#"UPDATE messages SET status = 'sending', attempts = attempts + 1, updated_at = $1
           WHERE id = (SELECT id FROM messages WHERE status = 'queued' AND send_after <= $1 ORDER BY send_after FOR UPDATE SKIP LOCKED LIMIT 1)
           RETURNING id, template, recipient, variables, attempts,
                     (SELECT s.reason FROM suppressions s WHERE s.address = lower(recipient)) AS suppressed_by"#,
        now
    )
    .fetch_optional(conn)
    .await
}

/// Ends the claim of a mail that was not handed over: its state is final, its variables are forgotten.
pub async fn settle(conn: &mut PgConnection, id: Uuid, status: Status, reason: Option<&str>, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE messages SET status = $2, reason = $3, variables = NULL, updated_at = $4 WHERE id = $1 AND status = 'sending'",
        id,
        status.name(),
        reason,
        now
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Notes what SES called the mail; an event may have come first, so the state only moves forward.
pub async fn sent(conn: &mut PgConnection, id: Uuid, ses_message_id: &str, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE messages SET ses_message_id = $2, variables = NULL, updated_at = $3, status = CASE WHEN status IN ('sending', 'unknown') THEN 'sent' ELSE status END
         WHERE id = $1",
        id,
        ses_message_id,
        now
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Puts a mail that certainly did not leave back into the queue.
pub async fn postpone(conn: &mut PgConnection, id: Uuid, until: DateTime<Utc>, reason: &str, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE messages SET status = 'queued', send_after = $2, reason = $3, updated_at = $4 WHERE id = $1 AND status = 'sending'",
        id,
        until,
        reason,
        now
    )
    .execute(conn)
    .await
    .map(drop)
}

/// A process that died while handing over leaves mails of which nobody knows whether they left.
pub async fn abandon(conn: &mut PgConnection, claimed_before: DateTime<Utc>, now: DateTime<Utc>) -> sqlx::Result<u64> {
    let abandoned = sqlx::query!(
        "UPDATE messages SET status = 'unknown', reason = 'the process stopped while it was handed to SES', variables = NULL, updated_at = $2
         WHERE status = 'sending' AND updated_at < $1",
        claimed_before,
        now
    );
    Ok(abandoned.execute(conn).await?.rows_affected())
}

/// The mail that an SES event is about.
pub async fn find_for_event(conn: &mut PgConnection, ledger_id: Option<Uuid>, ses_message_id: &str) -> sqlx::Result<Option<Uuid>> {
    sqlx::query_scalar!("SELECT id FROM messages WHERE id = $1 OR ses_message_id = $2 FOR UPDATE", ledger_id, ses_message_id).fetch_optional(conn).await
}

/// Moves a mail forward to what an event tells; an older event changes nothing.
pub async fn advance(conn: &mut PgConnection, id: Uuid, status: Status, reason: Option<&str>, ses_message_id: &str, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE messages SET status = $2, reason = COALESCE($3, reason), ses_message_id = COALESCE(ses_message_id, $4), variables = NULL, updated_at = $5
         WHERE id = $1 AND status = ANY($6)",
        id,
        status.name(),
        reason,
        ses_message_id,
        now,
        &status.overwrites()
    )
    .execute(conn)
    .await
    .map(drop)
}
