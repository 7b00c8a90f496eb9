//! Endpoints to remove a member, and to log them out everywhere in the tenant.

use super::removal;
use crate::{accounts::routes::logged_in, app::App, authority::SpeaksFor};
use access::{Allowed, Authenticated, token::Claims};
use axum::{extract::State, http::StatusCode};
use common::{http::Path, problem::Problem};
use contracts::id::UserId;

access::permissions! { pub WriteMembers = "auth.writeMembers" }

#[utoipa::path(delete, path = "/v1/members/{user_id}", operation_id = "removeMember", tag = "members",
    params(("user_id" = UserId, Path)),
    responses((status = 204), (status = 403, description = "`permission_missing`, `user_session_required`, or \
        `escalation`: the member has \
        what the caller lacks."),
        (status = 409, description = "`last_owner`, `last_operator`: nobody would be left."),
        (status = 503, description = "`removal_unconfirmed`: it goes on by itself; repeat the request until it \
                                      answers 204 or 404."),
        (status = 404, description = "`member_not_found`")),
    security(("bearer" = ["auth.writeMembers"])))]
pub async fn remove(
    State(app): State<App>,
    caller: Allowed<WriteMembers>,
    Path(user): Path<UserId>,
) -> Result<StatusCode, Problem> {
    no_api_key(&caller.claims)?;
    let member = SpeaksFor::member(&app, &caller, user).await?;
    removal::remove(&app, caller.begin(&app.db).await?, member, &caller.principal).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(delete, path = "/v1/members/me", operation_id = "leaveTenant", tag = "members",
    responses((status = 204), (status = 409, description = "`last_owner`, `last_operator`: nobody would be left."),
        (status = 503, description = "`removal_unconfirmed`: it goes on by itself."),
        (status = 403, description = "`people_only`, `user_session_required`, \
            `personal_session_required`"),
        (status = 404, description = "`member_not_found`")),
    security(("bearer" = [])))]
pub async fn leave(State(app): State<App>, caller: Authenticated) -> Result<StatusCode, Problem> {
    let user = logged_in(&caller.claims, &caller.principal)?;
    removal::remove(&app, caller.begin(&app.db).await?, SpeaksFor::oneself(user), &caller.principal).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(delete, path = "/v1/members/{user_id}/sessions", operation_id = "endMemberSessions", tag = "members",
    params(("user_id" = UserId, Path)),
    responses((status = 204), (status = 403, description = "`permission_missing`, `user_session_required`, or \
        `escalation`: the member has \
        what the caller lacks."),
        (status = 404, description = "`member_not_found`")),
    security(("bearer" = ["auth.writeMembers"])))]
pub async fn end_sessions(
    State(app): State<App>,
    caller: Allowed<WriteMembers>,
    Path(user): Path<UserId>,
) -> Result<StatusCode, Problem> {
    no_api_key(&caller.claims)?;
    let member = SpeaksFor::member(&app, &caller, user).await?;
    removal::end_sessions(&app, caller.begin(&app.db).await?, member).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A person who is logged in, or a machine: a key must not end what it is not itself.
fn no_api_key(claims: &Claims) -> Result<(), Problem> {
    match claims.scope {
        Some(_) => Err(Problem::forbidden(
            "user_session_required",
            "An API key may not do this: log in, or use a client of the tenant.",
        )),
        None => Ok(()),
    }
}
