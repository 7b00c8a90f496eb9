//! SQL of passkeys and their challenges. They belong to a person and to no tenant, so any transaction will do.

use super::{ceremony::Ceremony, verification::Registration};
use crate::{name::Name, opaque::OpaqueToken};
use chrono::{DateTime, Utc};
use contracts::id::{SessionId, UserId};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

/// The unique constraint that an authenticator's key is enrolled once.
pub const ENROLLED: &str = "passkeys_credential_key";

/// A passkey as its owner sees it.
#[derive(Serialize, ToSchema)]
pub struct Passkey {
    pub id: Uuid,
    #[schema(example = "Ada's telephone")]
    pub name: String,
    /// Whether it may be on several of the owner's devices.
    pub synced: bool,
    pub created_at: DateTime<Utc>,
    /// Absent until it is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<DateTime<Utc>>,
    #[serde(skip)]
    pub revision: i32,
}

/// A key that may have made a signature, locked.
pub struct Key {
    pub id: Uuid,
    pub public_key: Vec<u8>,
    pub sign_count: i64,
    pub synced: bool,
}

pub async fn of_user(conn: &mut PgConnection, user: UserId) -> sqlx::Result<Vec<Passkey>> {
    sqlx::query_as!(
        Passkey,
        "SELECT id, name, synced, created_at, last_used_at, revision FROM passkeys WHERE user_id = $1 ORDER BY id",
        user.0
    )
    .fetch_all(conn)
    .await
}

/// Whoever changes it waits.
pub async fn lock(conn: &mut PgConnection, user: UserId, id: Uuid) -> sqlx::Result<Option<Passkey>> {
    sqlx::query_as!(
        Passkey,
        "SELECT id, name, synced, created_at, last_used_at, revision FROM passkeys WHERE user_id = $1 AND id = $2
         FOR UPDATE",
        user.0,
        id
    )
    .fetch_optional(conn)
    .await
}

pub async fn insert(conn: &mut PgConnection, user: UserId, passkey: &Passkey, made: &Registration) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO passkeys (id, user_id, credential_id, public_key, sign_count, synced, name, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        passkey.id,
        user.0,
        made.credential.id,
        made.credential.public_key,
        i64::from(made.sign_count),
        passkey.synced,
        passkey.name,
        passkey.created_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn rename(conn: &mut PgConnection, user: UserId, id: Uuid, name: &Name) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE passkeys SET name = $3, revision = revision + 1 WHERE user_id = $1 AND id = $2",
        user.0,
        id,
        name.as_str()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// `false` if the user has none such.
pub async fn delete(conn: &mut PgConnection, user: UserId, id: Uuid) -> sqlx::Result<bool> {
    let deleted = sqlx::query!("DELETE FROM passkeys WHERE user_id = $1 AND id = $2", user.0, id);
    Ok(deleted.execute(conn).await?.rows_affected() == 1)
}

/// What the user's authenticators call their keys.
pub async fn credential_ids(conn: &mut PgConnection, user: UserId) -> sqlx::Result<Vec<Vec<u8>>> {
    sqlx::query_scalar!("SELECT credential_id FROM passkeys WHERE user_id = $1 ORDER BY id", user.0)
        .fetch_all(conn)
        .await
}

pub async fn owner(conn: &mut PgConnection, credential_id: &[u8]) -> sqlx::Result<Option<UserId>> {
    let owner = sqlx::query_scalar!("SELECT user_id FROM passkeys WHERE credential_id = $1", credential_id);
    Ok(owner.fetch_optional(conn).await?.map(UserId))
}

pub async fn lock_key(conn: &mut PgConnection, user: UserId, credential_id: &[u8]) -> sqlx::Result<Option<Key>> {
    sqlx::query_as!(
        Key,
        "SELECT id, public_key, sign_count, synced FROM passkeys WHERE user_id = $1 AND credential_id = $2 FOR UPDATE",
        user.0,
        credential_id
    )
    .fetch_optional(conn)
    .await
}

pub async fn used(
    conn: &mut PgConnection,
    user: UserId,
    id: Uuid,
    sign_count: u32,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE passkeys SET sign_count = $3, last_used_at = $4 WHERE user_id = $1 AND id = $2",
        user.0,
        id,
        i64::from(sign_count),
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn insert_challenge(
    conn: &mut PgConnection,
    challenge: &OpaqueToken,
    ceremony: Ceremony,
    expires_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    let (user, session) = ids(ceremony);
    sqlx::query!(
        "INSERT INTO passkey_challenges (challenge_hash, ceremony, user_id, session_id, expires_at)
         VALUES ($1, $2, $3, $4, $5)",
        &challenge.hash(),
        ceremony.name(),
        user,
        session,
        expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn take_challenge(
    conn: &mut PgConnection,
    challenge: &OpaqueToken,
    ceremony: Ceremony,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let (user, session) = ids(ceremony);
    let taken = sqlx::query!(
        "DELETE FROM passkey_challenges WHERE challenge_hash = $1 AND ceremony = $2 AND user_id IS NOT DISTINCT FROM $3
           AND session_id IS NOT DISTINCT FROM $4 AND expires_at > $5",
        &challenge.hash(),
        ceremony.name(),
        user,
        session,
        now
    );
    Ok(taken.execute(conn).await?.rows_affected() == 1)
}

fn ids(ceremony: Ceremony) -> (Option<Uuid>, Option<Uuid>) {
    let (user, session): (Option<UserId>, Option<SessionId>) = ceremony.who();
    (user.map(|user| user.0), session.map(|session| session.0))
}
