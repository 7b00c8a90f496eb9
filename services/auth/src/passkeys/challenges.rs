//! Challenges of passkeys: kept as a hash, for five minutes, bound to who asked and for what, and taken once.

use super::{ceremony::Ceremony, store};
use crate::{app::App, opaque::OpaqueToken};
use chrono::TimeDelta;
use sqlx::PgConnection;

/// As long as a browser waits for somebody to find their key.
pub const LIFETIME: TimeDelta = TimeDelta::minutes(5);

pub async fn make(conn: &mut PgConnection, app: &App, ceremony: Ceremony) -> sqlx::Result<OpaqueToken> {
    let challenge = OpaqueToken::new(&app.ambient);
    store::insert_challenge(conn, &challenge, ceremony, app.ambient.now() + LIFETIME).await?;
    Ok(challenge)
}

/// `false` if it was taken before, is too old, or was for something else.
pub async fn take(
    conn: &mut PgConnection,
    app: &App,
    ceremony: Ceremony,
    challenge: &OpaqueToken,
) -> sqlx::Result<bool> {
    store::take_challenge(conn, challenge, ceremony, app.ambient.now()).await
}
