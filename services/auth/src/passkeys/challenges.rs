//! Challenges of passkeys: kept as a hash, for five minutes, bound to who asked and for what, and taken once.

use super::store;
use crate::{app::App, opaque::OpaqueToken};
use chrono::TimeDelta;
use contracts::id::{SessionId, UserId};
use sqlx::PgConnection;

/// As long as a browser waits for somebody to find their key.
pub const LIFETIME: TimeDelta = TimeDelta::minutes(5);

/// For what an authenticator signs, and for whom.
#[derive(Clone, Copy, Debug)]
pub enum Ceremony {
    Registration(UserId, Option<SessionId>),
    StepUp(UserId, Option<SessionId>),
    /// Nobody knows yet who it is.
    LogIn,
}

impl Ceremony {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Registration(..) => "registration",
            Self::StepUp(..) => "step_up",
            Self::LogIn => "log_in",
        }
    }

    pub(super) fn who(self) -> (Option<UserId>, Option<SessionId>) {
        match self {
            Self::Registration(user, session) | Self::StepUp(user, session) => (Some(user), session),
            Self::LogIn => (None, None),
        }
    }
}

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
