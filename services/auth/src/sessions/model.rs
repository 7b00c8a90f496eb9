//! Rules of sessions and refresh tokens: may this one be used now?

use crate::{factors::authentication::by_password, oauth::scope::Scopes, opaque::OpaqueToken};
use chrono::{DateTime, TimeDelta, Utc};
use contracts::id::{ClientId, SessionId, TenantId, UserId};
use serde::Serialize;
use std::time::Duration;
use uuid::Uuid;

/// A session that is not refreshed for so long has ended.
pub const IDLE: TimeDelta = TimeDelta::hours(24);
/// However much it is used, a session ends then.
pub const ABSOLUTE: TimeDelta = TimeDelta::days(30);
/// A used token may be shown again for so long, while its child was not: by a second tab, or by a client that lost the
/// answer, which notices when its request has timed out.
const REUSE_GRACE: TimeDelta = TimeDelta::seconds(60);
/// The session's key in Redis outlives the access token by the verifiers' leeway and some; a refresh writes it anew.
/// It need not live longer, as no token could use it.
const KEY_OUTLIVES_TOKEN: Duration = Duration::from_secs(60);

/// What another process ended a moment ago may seem older here, or not to have happened yet.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(5);

/// Why a session ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum EndReason {
    LoggedOut,
    RefreshReused,
    /// Somebody else in the tenant ended it.
    EndedByTenant,
    MemberRemoved,
    PasswordChanged,
    SecondFactorChanged,
    /// An authorization code was shown twice.
    CodeReused,
    /// The app was deleted.
    ClientDeleted,
}

#[derive(Clone)]
pub struct Session {
    pub id: SessionId,
    pub user_id: UserId,
    pub tenant_id: TenantId,
    pub created_at: DateTime<Utc>,
    pub last_used_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub end_reason: Option<EndReason>,
    /// As stored; see [`Session::methods`].
    pub amr: Option<Vec<String>>,
    /// As stored; see [`Session::authenticated_at`].
    pub authenticated_at: Option<DateTime<Utc>>,
    /// Of an app's session; a person's own has none.
    pub grant: Option<Grant>,
}

/// What a person has allowed an app in a session of the app's.
#[derive(Clone)]
pub struct Grant {
    pub client_id: ClientId,
    /// In which browser they were signed in.
    pub sign_in_id: Uuid,
    pub scopes: Scopes,
    /// For whom its access tokens are.
    pub audience: String,
}

impl Session {
    /// The app whose session it is.
    pub fn client_id(&self) -> Option<ClientId> {
        self.grant.as_ref().map(|grant| grant.client_id)
    }

    /// Authentication methods (RFC 8176) by which it was begun and stepped up.
    pub fn methods(&self) -> Vec<String> {
        self.amr.clone().unwrap_or_else(by_password)
    }

    /// When its holder last proved who they are.
    pub fn authenticated_at(&self) -> DateTime<Utc> {
        self.authenticated_at.unwrap_or(self.created_at)
    }
}

/// A session that is alive, with the refresh token that keeps it so.
pub struct Alive {
    pub session: Session,
    pub refresh_token: OpaqueToken,
}

/// A refresh token as it is stored, with what became of it.
pub struct Link {
    pub id: Uuid,
    pub used_at: Option<DateTime<Utc>>,
    pub sealed_child: Option<Vec<u8>>,
    pub child_used: bool,
}

/// What a refresh token that counts comes to.
#[derive(Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is used now, and gets a child.
    Rotate,
    /// It was used just now: the same child once more.
    Repeat,
}

/// Why a refresh token counts no more.
#[derive(Debug, PartialEq, Eq)]
pub enum Over {
    /// Somebody has a copy: nobody can say who of the two is the thief, so the session dies.
    Reused,
    /// The session had ended by that.
    EndedByReuse,
    /// The session had ended otherwise.
    Ended,
}

/// Decides on a token at `now`. Both rows must be locked by the session's.
pub fn decide(now: DateTime<Utc>, session: &Session, link: &Link) -> Result<Turn, Over> {
    if session.ended_at.is_some() {
        let by_reuse = session.end_reason == Some(EndReason::RefreshReused);
        return Err(if by_reuse { Over::EndedByReuse } else { Over::Ended });
    }
    if now >= session.expires_at || now >= session.last_used_at + IDLE {
        return Err(Over::Ended);
    }
    match link.used_at {
        None => Ok(Turn::Rotate),
        Some(used_at) if now < used_at + REUSE_GRACE && !link.child_used => Ok(Turn::Repeat),
        Some(_) => Err(Over::Reused),
    }
}

/// How long Redis says that a session is alive if nobody says it again.
pub fn key_lifetime(access_token: Duration) -> Duration {
    access_token + KEY_OUTLIVES_TOKEN
}

/// What ended since then may still be known to Redis, where tokens live as long as `token`; those of what ended before
/// are over by themselves.
pub fn told_since(token: Duration, now: DateTime<Utc>) -> DateTime<Utc> {
    now - TimeDelta::from_std(key_lifetime(token)).unwrap_or_default() - CLOCKS_DIFFER
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn session() -> Session {
        let id = Uuid::nil();
        let (created_at, expires_at) = (at(0), at(0) + ABSOLUTE);
        Session {
            id: id.into(),
            user_id: id.into(),
            tenant_id: id.into(),
            created_at,
            last_used_at: at(100),
            expires_at,
            ended_at: None,
            end_reason: None,
            grant: None,
            amr: None,
            authenticated_at: None,
        }
    }

    fn link(used_at: Option<DateTime<Utc>>, child_used: bool) -> Link {
        Link { id: Uuid::nil(), used_at, sealed_child: None, child_used }
    }

    #[test]
    fn a_token_works_once_and_for_a_moment_longer() {
        assert_eq!(decide(at(200), &session(), &link(None, false)), Ok(Turn::Rotate));
        assert_eq!(decide(at(259), &session(), &link(Some(at(200)), false)), Ok(Turn::Repeat));
        assert_eq!(decide(at(260), &session(), &link(Some(at(200)), false)), Err(Over::Reused));
        assert_eq!(decide(at(201), &session(), &link(Some(at(200)), true)), Err(Over::Reused));
    }

    #[test]
    fn sessions_end() {
        let idle = at(100) + IDLE;
        assert_eq!(decide(idle - TimeDelta::seconds(1), &session(), &link(None, false)), Ok(Turn::Rotate));
        assert_eq!(decide(idle, &session(), &link(None, false)), Err(Over::Ended));
        let old = Session { last_used_at: at(0) + ABSOLUTE - IDLE / 2, ..session() };
        assert_eq!(decide(at(0) + ABSOLUTE, &old, &link(None, false)), Err(Over::Ended));
        let stolen = Session { ended_at: Some(at(150)), end_reason: Some(EndReason::RefreshReused), ..session() };
        assert_eq!(decide(at(200), &stolen, &link(None, false)), Err(Over::EndedByReuse));
        let left = Session { end_reason: Some(EndReason::LoggedOut), ..stolen };
        assert_eq!(decide(at(200), &left, &link(None, false)), Err(Over::Ended));
    }
}
