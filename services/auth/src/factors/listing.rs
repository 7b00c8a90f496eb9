//! What a person sees of their factors.

use super::store;
use crate::passkeys::store::{self as passkeys, Passkey};
use chrono::{DateTime, Utc};
use contracts::id::UserId;
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub struct SecondFactors {
    /// The authenticator app, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    totp: Option<TotpFactor>,
    /// In the order in which they were added; at most 20.
    passkeys: Vec<Passkey>,
    /// Recovery codes that were not used yet.
    #[schema(example = 10)]
    recovery_codes_left: i64,
}

#[derive(Serialize, ToSchema)]
pub struct TotpFactor {
    confirmed_at: DateTime<Utc>,
}

pub async fn list(conn: &mut PgConnection, user: UserId) -> sqlx::Result<SecondFactors> {
    let totp = store::totp_since(conn, user).await?.map(|confirmed_at| TotpFactor { confirmed_at });
    let passkeys = passkeys::of_user(conn, user).await?;
    Ok(SecondFactors { totp, passkeys, recovery_codes_left: store::recovery_codes_left(conn, user).await? })
}
