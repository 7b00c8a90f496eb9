//! SQL of mails on their way out. Times are the database's, as processes' clocks differ.

use super::model::Status;
use crate::suppressions::store::Reason;
use common::db::{CrossTenantTx, Scoped};
use sqlx::postgres::types::PgInterval;
use uuid::Uuid;

/// What a commit that queues a mail wakes the senders of its process for.
pub const WORK: &str = "mails";
/// Rows that one statement of the housekeeping touches at most, so that it locks nobody out for long.
const BATCH: i64 = 500;

/// A mail that was claimed to be handed to SES.
#[derive(Debug)]
pub struct Claimed {
    pub id: Uuid,
    pub claim: Option<Uuid>,
    pub recipient: String,
    pub content_sealed: Option<Vec<u8>>,
    pub attempts: i32,
    pub traceparent: Option<String>,
    pub suppressed_by: Option<Reason>,
}

/// Claims one mail that is due; no other process gets it. What is tried during an outage says nothing about the mail
/// and does not count.
pub async fn claim(tx: &mut CrossTenantTx, claim: Uuid, during_outage: bool) -> sqlx::Result<Option<Claimed>> {
    sqlx::query_as!(
        Claimed,
        r#"UPDATE mails SET status = 'sending', claim = $1, attempts = attempts + CASE WHEN $2 THEN 0
           ELSE 1 END, updated_at = now()
           WHERE id = (SELECT id FROM mails WHERE status IN ('queued', 'held') AND send_after <= now()
           AND give_up_at > now()
                       ORDER BY send_after FOR UPDATE SKIP LOCKED LIMIT 1)
           RETURNING id, claim, recipient, content_sealed, attempts, traceparent,
                     (SELECT s.reason FROM tenant_suppressions s WHERE s.address = lower(mails.recipient)
                         AND s.tenant_id IS NOT DISTINCT FROM mails.tenant_id
                         AND s.template = mails.template) AS "suppressed_by: Reason""#,
        claim,
        during_outage,
    )
    .fetch_optional(&mut **tx)
    .await
}

/// Ends a claim whose mail was not taken. An event that has told more meanwhile stays, and so does what a later claim
/// does.
pub async fn release(
    tx: &mut CrossTenantTx,
    claimed: &Claimed,
    status: Status,
    wait: PgInterval,
    reason: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE mails SET status = $3, send_after = now() + $4, reason = $5, updated_at = now()
         WHERE id = $1 AND claim = $2 AND status IN ('sending', 'unknown')",
        claimed.id,
        claimed.claim,
        status as Status,
        wait,
        reason,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Ends a claim whose mail SES has taken, even if meanwhile it was put back; only another claim's call is left to its
/// own end.
pub async fn accepted(tx: &mut CrossTenantTx, claimed: &Claimed, ses_message_id: Option<&str>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE mails SET ses_message_id = coalesce($3, ses_message_id), updated_at = now(),
                reason = CASE WHEN status IN ('sending', 'unknown', 'queued', 'held', 'given_up') THEN NULL
                ELSE reason END,
                status = CASE WHEN status IN ('unknown', 'queued', 'held', 'given_up') OR status = 'sending'
                AND claim = $2 THEN 'sent' ELSE status END
         WHERE id = $1",
        claimed.id,
        claimed.claim,
        ses_message_id,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// A process that died while handing over leaves mails of which nobody knows whether they left.
pub async fn abandon(tx: &mut CrossTenantTx, after: PgInterval) -> sqlx::Result<u64> {
    let abandoned = sqlx::query!(
        "UPDATE mails SET status = 'unknown', reason = 'the process stopped while it was handed to SES',
         updated_at = now()
         WHERE status = 'sending' AND updated_at < now() - $1::interval",
        after
    );
    Ok(abandoned.execute(&mut **tx).await?.rows_affected())
}

/// Ends what has come to no end in its time, and forgets the content of everything whose time is over; gives how many
/// ended.
pub async fn give_up(tx: &mut CrossTenantTx) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"WITH over AS (
               SELECT id, status FROM mails
               WHERE (content_sealed IS NOT NULL OR status IN ('queued', 'held', 'unknown')) AND give_up_at <= now()
               AND status <> 'sending'
               LIMIT $1 FOR UPDATE SKIP LOCKED
           ), ended AS (
               UPDATE mails m SET content_sealed = NULL, updated_at = now(),
                      status = CASE WHEN over.status IN ('queued', 'held', 'unknown') THEN 'given_up'
                      ELSE over.status END,
                      reason = CASE WHEN over.status = 'unknown'
                      THEN 'SES never told whether it left: ' || coalesce(m.reason, '')
                                    WHEN over.status IN ('queued', 'held')
                                    THEN 'it did not leave in time: ' || coalesce(m.reason, 'it was not tried')
                                    ELSE m.reason END
               FROM over WHERE m.id = over.id RETURNING m.status
           )
           SELECT count(*) FILTER (WHERE status = 'given_up') AS "ended!" FROM ended"#,
        BATCH
    )
    .fetch_one(&mut **tx)
    .await
}

/// Forgets mails that ended long ago.
pub async fn prune(tx: &mut CrossTenantTx, older_than: PgInterval) -> sqlx::Result<u64> {
    let pruned = sqlx::query!(
        "DELETE FROM mails WHERE id IN (SELECT id FROM mails WHERE created_at < now() - $1::interval
                                               AND status NOT IN ('queued', 'held', 'sending', 'unknown')
                                               ORDER BY created_at LIMIT $2)",
        older_than,
        BATCH
    );
    Ok(pruned.execute(&mut **tx).await?.rows_affected())
}

/// Puts a mail back into the queue for an operator; `false` if it may not be sent again.
pub async fn resend(tx: &mut CrossTenantTx, id: Uuid, may_arrive_twice: bool) -> sqlx::Result<bool> {
    let queued = sqlx::query!(
        "UPDATE mails SET status = 'queued', send_after = now(), claim = NULL, reason = NULL, updated_at = now()
         WHERE id = $1 AND content_sealed IS NOT NULL AND give_up_at > now()
           AND (status IN ('queued', 'held', 'failed', 'suppressed') OR status = 'unknown' AND $2)",
        id,
        may_arrive_twice
    );
    if queued.execute(&mut **tx).await?.rows_affected() == 0 {
        return Ok(false);
    }
    tx.wake(WORK);
    Ok(true)
}
