//! SQL of second factors. They belong to a person and to no tenant, so any transaction will do.

use chrono::{DateTime, Utc};
use contracts::id::UserId;
use sqlx::PgConnection;

/// An app, locked.
pub struct Totp {
    pub sealed_secret: Vec<u8>,
    pub last_step: Option<i64>,
    pub wrong_codes: i16,
    pub wrong_since: Option<DateTime<Utc>>,
}

/// What a person has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Enrolled {
    pub totp: bool,
    pub passkeys: bool,
}

impl Enrolled {
    /// Recovery codes alone are none: they stand for a factor that was lost.
    pub fn any(self) -> bool {
        self.totp || self.passkeys
    }

    /// Of proofs that the person can give.
    pub fn methods(self) -> Vec<&'static str> {
        [(self.totp, "totp"), (self.passkeys, "passkey"), (self.any(), "recovery_code")]
            .into_iter()
            .filter_map(|(has, name)| has.then_some(name))
            .collect()
    }
}

pub async fn enrolled(conn: &mut PgConnection, user: UserId) -> sqlx::Result<Enrolled> {
    sqlx::query_as!(
        Enrolled,
        r#"SELECT EXISTS (SELECT FROM totp_factors WHERE user_id = $1 AND confirmed_at IS NOT NULL) AS "totp!",
             EXISTS (SELECT FROM passkeys WHERE user_id = $1) AS "passkeys!""#,
        user.0
    )
    .fetch_one(conn)
    .await
}

/// Keeps the secret of an app that has shown no code yet, in place of one like it. `false` if the person has one that
/// has.
pub async fn begin_totp(
    conn: &mut PgConnection,
    user: UserId,
    sealed_secret: &[u8],
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let begun = sqlx::query!(
        "INSERT INTO totp_factors (user_id, sealed_secret, created_at) VALUES ($1, $2, $3)
         ON CONFLICT (user_id) DO UPDATE SET sealed_secret = $2, created_at = $3
         WHERE totp_factors.confirmed_at IS NULL",
        user.0,
        sealed_secret,
        now
    );
    Ok(begun.execute(conn).await?.rows_affected() == 1)
}

/// The app that proves who the person is.
pub async fn lock_totp(conn: &mut PgConnection, user: UserId) -> sqlx::Result<Option<Totp>> {
    sqlx::query_as!(
        Totp,
        "SELECT sealed_secret, last_step, wrong_codes, wrong_since FROM totp_factors
         WHERE user_id = $1 AND confirmed_at IS NOT NULL FOR UPDATE",
        user.0
    )
    .fetch_optional(conn)
    .await
}

/// The app that was begun after `since` and has shown no code yet.
pub async fn lock_unconfirmed_totp(
    conn: &mut PgConnection,
    user: UserId,
    since: DateTime<Utc>,
) -> sqlx::Result<Option<Totp>> {
    sqlx::query_as!(
        Totp,
        "SELECT sealed_secret, last_step, wrong_codes, wrong_since FROM totp_factors
         WHERE user_id = $1 AND confirmed_at IS NULL AND created_at > $2 FOR UPDATE",
        user.0,
        since
    )
    .fetch_optional(conn)
    .await
}

/// Takes the code of a step; the app is confirmed by its first.
pub async fn take_step(conn: &mut PgConnection, user: UserId, step: i64, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE totp_factors SET last_step = $2, confirmed_at = coalesce(confirmed_at, $3) WHERE user_id = $1",
        user.0,
        step,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn note_wrong_codes(
    conn: &mut PgConnection,
    user: UserId,
    wrong: i16,
    since: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!("UPDATE totp_factors SET wrong_codes = $2, wrong_since = $3 WHERE user_id = $1", user.0, wrong, since)
        .execute(conn)
        .await?;
    Ok(())
}

/// `false` if there was none that proves anything.
pub async fn delete_totp(conn: &mut PgConnection, user: UserId) -> sqlx::Result<bool> {
    let deleted = sqlx::query!("DELETE FROM totp_factors WHERE user_id = $1 AND confirmed_at IS NOT NULL", user.0);
    Ok(deleted.execute(conn).await?.rows_affected() == 1)
}

pub async fn replace_recovery_codes(conn: &mut PgConnection, user: UserId, hashes: &[Vec<u8>]) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM recovery_codes WHERE user_id = $1", user.0).execute(&mut *conn).await?;
    sqlx::query!("INSERT INTO recovery_codes (user_id, code_hash) SELECT $1, unnest($2::bytea[])", user.0, hashes)
        .execute(conn)
        .await?;
    Ok(())
}

/// `false` if there is none such.
pub async fn use_recovery_code(conn: &mut PgConnection, user: UserId, hash: &[u8]) -> sqlx::Result<bool> {
    let used = sqlx::query!("DELETE FROM recovery_codes WHERE user_id = $1 AND code_hash = $2", user.0, hash);
    Ok(used.execute(conn).await?.rows_affected() == 1)
}

pub async fn recovery_codes_left(conn: &mut PgConnection, user: UserId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"SELECT count(*) AS "left!" FROM recovery_codes WHERE user_id = $1"#, user.0)
        .fetch_one(conn)
        .await
}

/// When the app was confirmed; `None` if there is none.
pub async fn totp_since(conn: &mut PgConnection, user: UserId) -> sqlx::Result<Option<DateTime<Utc>>> {
    let confirmed = sqlx::query_scalar!(
        r#"SELECT confirmed_at AS "at!" FROM totp_factors WHERE user_id = $1 AND confirmed_at IS NOT NULL"#,
        user.0
    );
    confirmed.fetch_optional(conn).await
}
