//! UserInfo (OpenID Connect Core §5.3): what an app may know of the person who signed in.

use super::scope::{EMAIL, OPENID, PROFILE, Scopes};
use crate::{
    accounts::{routes::person, store as accounts},
    app::App,
};
use access::Authenticated;
use axum::extract::State;
use common::{http::Json, problem::Problem};
use contracts::id::UserId;
use serde::Serialize;
use utoipa::ToSchema;

/// Claims about a person (OpenID Connect Core §5.1).
#[derive(Serialize, ToSchema)]
pub struct UserInfo {
    sub: UserId,
    /// With `profile`.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// With `email`.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// Nobody has an account here without having opened the link in a mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
}

#[utoipa::path(get, path = "/v1/oauth/userinfo", operation_id = "getUserInfo", tag = "oauth",
    responses((status = 200, body = UserInfo),
        (status = 403, description = "`insufficient_scope`: the token is not for `openid`; `people_only`"),
        (status = 404, description = "`user_not_found`")),
    security(("bearer" = [])))]
pub async fn show(State(app): State<App>, caller: Authenticated) -> Result<Json<UserInfo>, Problem> {
    of(&app, &caller).await.map(Json)
}

#[utoipa::path(post, path = "/v1/oauth/userinfo", operation_id = "postUserInfo", tag = "oauth",
    responses((status = 200, body = UserInfo),
        (status = 403, description = "`insufficient_scope`, `people_only`"),
        (status = 404, description = "`user_not_found`")),
    extensions(("x-no-idempotency-key" = json!("It changes nothing."))), security(("bearer" = [])))]
pub async fn show_by_post(State(app): State<App>, caller: Authenticated) -> Result<Json<UserInfo>, Problem> {
    of(&app, &caller).await.map(Json)
}

/// A token without a scope is the person's own, for everything.
async fn of(app: &App, caller: &Authenticated) -> Result<UserInfo, Problem> {
    let scopes = caller.claims.scope.as_deref().map(Scopes::of_token);
    let may = |scope| scopes.as_ref().is_none_or(|scopes| scopes.has(scope));
    if !may(OPENID) {
        return Err(Problem::forbidden("insufficient_scope", "The token was not issued for the scope openid."));
    }
    let user = accounts::find_user(&mut *app.db.pool().acquire().await?, person(&caller.principal)?).await?;
    let user = user.ok_or_else(|| Problem::not_found("user_not_found", "There is no such person any more."))?;
    Ok(UserInfo {
        sub: user.id,
        name: may(PROFILE).then_some(user.display_name),
        email_verified: may(EMAIL).then_some(true),
        email: may(EMAIL).then_some(user.email),
    })
}
