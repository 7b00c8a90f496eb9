//! The endpoint by which people change their password.

use super::changing::{self, PasswordChange};
use crate::{app::App, factors::recent::RecentIfEnrolled, throttle::Visitor};
use axum::{extract::State, http::StatusCode};
use common::{http::Json, limit::Limit, problem::Problem};
use std::time::Duration;

/// Each ends sessions and sends a mail. Wrong passwords are the throttle's.
const BY_PERSON: Limit = Limit { name: "password", most: 10, window: Duration::from_secs(3600) };

#[utoipa::path(post, path = "/v1/me/password", operation_id = "changePassword", tag = "accounts",
    request_body = PasswordChange,
    responses((status = 204),
        (status = 401, description = "`insufficient_user_authentication`: it needs a recent second factor."),
        (status = 403, description = "`people_only`, `user_session_required`, \
            `personal_session_required`"),
        (status = 404, description = "`user_not_found`"),
        (status = 409, description = "`password_changed`: somebody else did so at the same moment."),
        (status = 429, description = "`too_many_requests`: from this network, or wrong passwords of this account."),
        (status = 503, description = "`sessions_unconfirmed`: it is changed, and the end of other sessions goes on by \
            itself.")),
    security(("bearer" = [])))]
pub async fn change(
    State(app): State<App>,
    caller: RecentIfEnrolled,
    visitor: Visitor,
    Json(change): Json<PasswordChange>,
) -> Result<StatusCode, Problem> {
    let counted = app.limiter.admit_for(&BY_PERSON, visitor.source, &caller.user.to_string()).await?;
    let changed = changing::change(&app, &visitor, (caller.user, caller.session), change).await;
    app.limiter.settle([counted], changed).await?;
    Ok(StatusCode::NO_CONTENT)
}
