//! SQL of what is forgotten, a batch of each table at a time.

use crate::{factors::totp::UNCONFIRMED, mail_rate::LONGEST_WINDOW};
use chrono::{DateTime, TimeDelta, Utc};
use common::db::CrossTenantTx;

/// Rows a statement, so that none holds locks for long.
const BATCH: i64 = 500;
/// Somebody who registered and forgot is still told so when they try to log in.
const KEEP_LINKS: TimeDelta = TimeDelta::days(7);
/// A refresh token that is shown again after its session ended is still recognised.
const KEEP_SESSIONS: TimeDelta = TimeDelta::days(7);
/// A code that is shown again ends what it was exchanged for; whoever has it tries it soon.
const KEEP_CODES: TimeDelta = TimeDelta::days(1);
/// A credential that ended is still there for who asks what it was.
const KEEP_CREDENTIALS: TimeDelta = TimeDelta::days(30);

/// Deletes what was over before that moment; gives how many rows.
macro_rules! delete {
    ($tx:ident, $before:expr, $sql:literal) => {
        sqlx::query!($sql, $before, BATCH).execute(&mut **$tx).await?.rows_affected()
    };
}

/// Deletes a batch of each table; `false` if there is no more.
#[rustfmt::skip]
pub(super) async fn sweep(tx: &mut CrossTenantTx, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let deleted = [
        delete!(tx, now - KEEP_LINKS,
            "DELETE FROM registrations
             WHERE id IN (SELECT id FROM registrations WHERE expires_at < $1 AND NOT mail_waits LIMIT $2)"),
        delete!(tx, now - KEEP_LINKS,
            "DELETE FROM invitations
             WHERE id IN (SELECT id FROM invitations WHERE expires_at < $1 AND NOT mail_waits LIMIT $2)"),
        delete!(tx, now - KEEP_LINKS,
            "DELETE FROM password_resets WHERE id IN (SELECT id FROM password_resets WHERE expires_at < $1 LIMIT $2)"),
        delete!(tx, now,
            "DELETE FROM login_challenges
             WHERE id IN (SELECT id FROM login_challenges WHERE expires_at < $1 LIMIT $2)"),
        delete!(tx, now,
            "DELETE FROM passkey_challenges WHERE challenge_hash IN
             (SELECT challenge_hash FROM passkey_challenges WHERE expires_at < $1 LIMIT $2)"),
        delete!(tx, now - UNCONFIRMED,
            "DELETE FROM totp_factors WHERE user_id IN
             (SELECT user_id FROM totp_factors WHERE confirmed_at IS NULL AND created_at < $1 LIMIT $2)
             AND confirmed_at IS NULL"),
        delete!(tx, now - LONGEST_WINDOW,
            "DELETE FROM link_mails WHERE id IN (SELECT id FROM link_mails WHERE sent_at < $1 LIMIT $2)"),
        delete!(tx, now - KEEP_CODES,
            "DELETE FROM authorization_codes
             WHERE id IN (SELECT id FROM authorization_codes WHERE expires_at < $1 LIMIT $2)"),
        delete!(tx, now,
            "DELETE FROM client_assertions WHERE (client_id, jti_hash) IN
               (SELECT client_id, jti_hash FROM client_assertions WHERE expires_at < $1 LIMIT $2)"),
        delete!(tx, now, "DELETE FROM sign_ins WHERE id IN (SELECT id FROM sign_ins WHERE expires_at < $1 LIMIT $2)"),
        // Their refresh tokens go with them.
        delete!(tx, now - KEEP_SESSIONS,
            "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < $1 LIMIT $2)"),
        delete!(tx, now - KEEP_CREDENTIALS,
            "DELETE FROM client_secrets WHERE id IN (SELECT id FROM client_secrets WHERE revoked_at < $1 LIMIT $2)"),
        // Few at a time, before the clients themselves: an app may have had many people.
        delete!(tx, now - KEEP_CREDENTIALS,
            "DELETE FROM sessions WHERE id IN (SELECT s.id FROM sessions s JOIN clients c ON c.id = s.client_id
             WHERE c.deleted_at < $1 LIMIT $2)"),
        delete!(tx, now - KEEP_CREDENTIALS,
            "DELETE FROM consents WHERE (user_id, client_id, tenant_id) IN (SELECT o.user_id, o.client_id, o.tenant_id
             FROM consents o JOIN clients c ON c.id = o.client_id WHERE c.deleted_at < $1 LIMIT $2)"),
        delete!(tx, now - KEEP_CREDENTIALS,
            "DELETE FROM clients WHERE id IN (SELECT id FROM clients c WHERE deleted_at < $1
               AND NOT EXISTS (SELECT FROM sessions WHERE client_id = c.id)
               AND NOT EXISTS (SELECT FROM consents WHERE client_id = c.id) LIMIT $2)"),
        delete!(tx, now - KEEP_CREDENTIALS,
            "DELETE FROM identity_providers WHERE id IN (SELECT id FROM identity_providers p WHERE deleted_at < $1
               AND NOT EXISTS (SELECT FROM sessions WHERE identity_provider_id = p.id) LIMIT $2)"),
        delete!(tx, now - KEEP_CREDENTIALS,
            "DELETE FROM api_keys
             WHERE id IN (SELECT id FROM api_keys WHERE least(expires_at, revoked_at) < $1 LIMIT $2)"),
    ];
    Ok(deleted.iter().any(|rows| *rows >= BATCH.unsigned_abs()))
}
