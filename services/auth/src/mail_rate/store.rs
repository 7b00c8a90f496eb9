//! SQL of mails with links that were counted. Addresses belong to no tenant.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// First half of the advisory locks of addresses; the other half is a hash of the address.
const ADDRESS_LOCK: i32 = 0x5e71;

/// Mails to one address.
pub struct Sent {
    pub count: i64,
    pub last: Option<DateTime<Utc>>,
}

/// Whoever changes what is open for an address waits for whoever does so already. After a tenant's lock, never before.
pub async fn lock(conn: &mut PgConnection, email: &str) -> sqlx::Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock($1, hashtext($2))", ADDRESS_LOCK, email).execute(conn).await?;
    Ok(())
}

/// What went to the address after `since`.
pub async fn sent(conn: &mut PgConnection, email: &str, kind: &str, since: DateTime<Utc>) -> sqlx::Result<Sent> {
    sqlx::query_as!(
        Sent,
        r#"SELECT count(*) AS "count!", max(sent_at) AS last FROM link_mails WHERE email = $1 AND kind = $2
           AND sent_at > $3"#,
        email,
        kind,
        since
    )
    .fetch_one(conn)
    .await
}

pub async fn count(conn: &mut PgConnection, id: Uuid, email: &str, kind: &str, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("INSERT INTO link_mails (id, email, kind, sent_at) VALUES ($1, $2, $3, $4)", id, email, kind, now)
        .execute(conn)
        .await?;
    Ok(())
}
