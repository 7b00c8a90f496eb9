//! SQL of the inbox: has this message taken effect already? A row says so, committed together with the effect.

use sqlx::PgConnection;

const CLAIM: &str =
    "INSERT INTO inbox (consumer, message_id, received_at) VALUES ($1, $2, now()) ON CONFLICT DO NOTHING";

/// Claims the message for `consumer` inside the caller's transaction; `false` means that its effect is already
/// committed. A claim of the same message in another open transaction is waited for.
pub async fn claim(conn: &mut PgConnection, consumer: &str, message_id: &str) -> sqlx::Result<bool> {
    let claimed = sqlx::query(CLAIM).bind(consumer).bind(message_id).execute(conn).await?;
    Ok(claimed.rows_affected() == 1)
}
