//! Recent authentication (RFC 9470): an endpoint's argument says that a token is not enough, and a caller who has to
//! step up is told so.

use super::{
    authentication::{ONE_FACTOR, TWO_FACTORS},
    store,
};
use crate::{accounts::routes::logged_in, app::App};
use access::{Authenticated, token::Claims};
use axum::{extract::FromRequestParts, http::request::Parts};
use chrono::{DateTime, TimeDelta, Utc};
use common::{limit::Limit, problem::Problem, source::Source};
use contracts::id::{SessionId, UserId};
use std::{sync::Arc, time::Duration};

/// Long enough to set up an authenticator app, short beside a laptop left open.
pub const MAX_AGE: TimeDelta = TimeDelta::minutes(15);

/// Changes of factors, each of which sends a mail. Nobody has so many devices.
const CHANGES: Limit = Limit { name: "second-factor", most: 60, window: Duration::from_secs(3600) };

/// A person who proved lately who they are, by a second factor if they have one, else by the password; and who does not
/// ask for this all the time.
pub struct Recent {
    pub user: UserId,
    pub session: Option<SessionId>,
}

/// A person who proved lately that they have a second factor, or who has none.
pub struct RecentIfEnrolled {
    pub user: UserId,
    pub session: Option<SessionId>,
}

impl FromRequestParts<App> for Recent {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let (user, claims) = person(parts, app).await?;
        let source = Source::from_request_parts(parts, app).await?;
        app.limiter.admit_for(&CHANGES, source, &user.to_string()).await?;
        demand(&claims, is_enrolled(app, user).await?, app.ambient.now())?;
        Ok(Self { user, session: claims.sid })
    }
}

impl FromRequestParts<App> for RecentIfEnrolled {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let (user, claims) = person(parts, app).await?;
        if is_enrolled(app, user).await? {
            demand(&claims, true, app.ambient.now())?;
        }
        Ok(Self { user, session: claims.sid })
    }
}

async fn person(parts: &mut Parts, app: &App) -> Result<(UserId, Arc<Claims>), Problem> {
    let caller = Authenticated::from_request_parts(parts, app).await?;
    Ok((logged_in(&caller.claims, &caller.principal)?, caller.claims))
}

async fn is_enrolled(app: &App, user: UserId) -> sqlx::Result<bool> {
    Ok(store::enrolled(&mut *app.db.pool().acquire().await?, user).await?.any())
}

/// 401 unless the token says that its holder proved lately who they are.
pub fn demand(claims: &Claims, second_factor: bool, now: DateTime<Utc>) -> Result<(), Problem> {
    let lately = claims.auth_time.is_some_and(|at| now.timestamp() < at + MAX_AGE.num_seconds());
    let strongly = !second_factor || claims.acr.as_deref() == Some(TWO_FACTORS);
    if lately && strongly { Ok(()) } else { Err(insufficient(second_factor)) }
}

/// 401 with what would be enough (RFC 9470 §3).
fn insufficient(second_factor: bool) -> Problem {
    let (acr, what) = if second_factor { (TWO_FACTORS, "your second factor") } else { (ONE_FACTOR, "your password") };
    let problem = Problem::unauthorized(
        "insufficient_user_authentication",
        format!("This needs {what}, given a few minutes ago at most: step up, and use the token that you get."),
    );
    let challenge = format!(
        "Bearer error=\"insufficient_user_authentication\", acr_values=\"{acr}\", max_age=\"{}\"",
        MAX_AGE.num_seconds()
    );
    Problem { challenge: Some(challenge.into()), ..problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_weak_authentication_is_not_enough() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        for (age, acr, second_factor, enough) in [
            (0, None, false, true),
            (899, Some("aal1"), false, true),
            (900, Some("aal2"), false, false),
            (0, Some("aal1"), true, false),
            (0, None, true, false),
            (899, Some("aal2"), true, true),
        ] {
            let claims =
                Claims { auth_time: Some(now.timestamp() - age), acr: acr.map(str::to_owned), ..Claims::default() };
            assert_eq!(demand(&claims, second_factor, now).is_ok(), enough, "{age} {acr:?} {second_factor}");
        }
        assert!(demand(&Claims::default(), false, now).is_err(), "a token without auth_time");
        let refused = insufficient(true).challenge.unwrap();
        assert_eq!(
            &*refused,
            "Bearer error=\"insufficient_user_authentication\", acr_values=\"aal2\", max_age=\"900\""
        );
    }
}
