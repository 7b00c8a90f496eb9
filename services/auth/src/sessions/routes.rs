//! Endpoints to log in, stay logged in and log out.

use super::{
    ending,
    model::{Alive, EndReason, IDLE},
    moving,
    opening::{self, Consent, Holder},
    store::{self, OwnSession},
};
use crate::{
    accounts::{
        routes::{logged_in, signed_in},
        store::{Tenant, User},
    },
    app::App,
    body::OptionalJson,
    cookies,
    factors::asking::SecondFactorRequired,
    logins::{self, LogIn, LogInRequest, Outcome},
    opaque::OpaqueToken,
    throttle::Visitor,
};
use access::Authenticated;
use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{AppendHeaders, IntoResponse, Response},
};
use common::{
    http::{Json, Path, Query},
    page::{Page, PageQuery},
    problem::Problem,
    source::Source,
};
use contracts::id::{SessionId, TenantId};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

/// Tokens stay in no cache (RFC 6749 §5.1).
pub const NO_STORE: (HeaderName, &str) = (header::CACHE_CONTROL, "no-store");
const COOKIE: &str = "refresh_token";

pub type Headers = [(HeaderName, String); 2];

/// The answer to a log-in that has begun a session.
pub struct Begun {
    pub location: [(HeaderName, String); 1],
    pub headers: [(HeaderName, String); 2],
    /// By which the device is known from now on.
    pub device: AppendHeaders<[(HeaderName, String); 1]>,
    pub log_in: LogIn,
}

impl IntoResponse for Begun {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, self.location, self.headers, self.device, Json(self.log_in)).into_response()
    }
}

/// Body of `POST /v1/sessions/refresh`; browsers send the cookie instead of the token.
#[derive(Default, Deserialize, ToSchema)]
pub struct RefreshRequest {
    #[schema(value_type = Option<String>)]
    refresh_token: Option<SecretString>,
    /// The tenant to act in from now on; absent means the same as before.
    #[serde(default)]
    tenant_id: Option<TenantId>,
}

#[utoipa::path(post, path = "/v1/sessions", operation_id = "logIn", tag = "sessions", request_body = LogInRequest,
    responses((status = 201, body = LogIn, headers(("Set-Cookie" = String))),
        (status = 202, body = SecondFactorRequired, description = "The password is right; a second factor is asked for."),
        (status = 401, description = "`credentials_wrong`"),
        (status = 403, description = "`not_a_member`"),
        (status = 429, description = "`too_many_requests`: wrong passwords of this account or from this network, or \
                                      log-ins of this account from this network.")),
    extensions(("x-no-idempotency-key" = json!("A repetition makes another session, and no tokens are kept."))),
    security(()))]
pub async fn log_in(
    State(app): State<App>,
    visitor: Visitor,
    Json(request): Json<LogInRequest>,
) -> Result<Response, Problem> {
    let (user, tenant, scope) = logins::authenticate(&app, &visitor, request).await?;
    match logins::log_in(&app, &user, &scope).await? {
        Outcome::LoggedIn(alive) => Ok(begun(&app, &visitor, alive, user, tenant).await?.into_response()),
        Outcome::SecondFactorRequired(asked) => Ok((StatusCode::ACCEPTED, [NO_STORE], Json(asked)).into_response()),
    }
}

/// The answer to whoever has proved who they are; their device is known from now on.
pub async fn begun(app: &App, visitor: &Visitor, alive: Alive, user: User, tenant: Tenant) -> Result<Begun, Problem> {
    let location = [(header::LOCATION, format!("/v1/sessions/{}", alive.session.id))];
    let headers = with_cookie(app, &alive);
    let device = app.throttle.remember(visitor, &user.email);
    Ok(Begun { location, headers, device, log_in: logins::answer(app, alive, user, tenant).await? })
}

#[utoipa::path(post, path = "/v1/sessions/refresh", operation_id = "refreshSession", tag = "sessions",
    request_body = Option<RefreshRequest>,
    responses((status = 200, body = LogIn, headers(("Set-Cookie" = String))),
        (status = 401, description = "`refresh_invalid`, `refresh_reused`, `second_factor_required`, \
        `session_ended`"),
        (status = 403, description = "`not_a_member`, `step_up_required`, `personal_session_required`: of the other \
                                      tenant. The refresh token is not used up."),
        (status = 429, description = "`too_many_requests`: switches of this person.")), security(()))]
pub async fn refresh(
    State(app): State<App>,
    source: Source,
    headers: HeaderMap,
    OptionalJson(request): OptionalJson<RefreshRequest>,
) -> Result<(StatusCode, Headers, Json<LogIn>), Problem> {
    let RefreshRequest { refresh_token, tenant_id } = request.unwrap_or_default();
    let given = refresh_token.map(|token| OpaqueToken::shown(token.expose_secret()));
    let shown = given
        .or_else(|| cookies::find(&headers, COOKIE).map(OpaqueToken::shown))
        .ok_or_else(opening::refresh_invalid)?;
    let alive = match tenant_id {
        None => opening::renew(&app, &shown, Holder::Frontend).await?,
        Some(tenant) => moving::renew_in(&app, source, &shown, tenant).await?,
    };
    let (user, tenant) = logins::who(&app, &alive.session).await?;
    let headers = with_cookie(&app, &alive);
    Ok((StatusCode::OK, headers, Json(logins::answer(&app, alive, user, tenant).await?)))
}

#[utoipa::path(get, path = "/v1/sessions", operation_id = "listSessions", tag = "sessions", params(PageQuery),
    responses((status = 200, body = Page<OwnSession>),
        (status = 403, description = "`people_only`, `user_session_required`, \
            `personal_session_required`")),
    security(("bearer" = [])))]
pub async fn list(
    State(app): State<App>,
    caller: Authenticated,
    Query(query): Query<PageQuery>,
) -> Result<Page<OwnSession>, Problem> {
    let page = query.check()?;
    // A person's sessions are theirs, in whichever tenant they act.
    let mut tx = app.db.begin_lookup().await?;
    let sessions =
        store::alive(&mut tx, logged_in(&caller.claims, &caller.principal)?, app.ambient.now(), page).await?;
    Ok(Page::cut(sessions, page, |session| session.id.0))
}

#[utoipa::path(delete, path = "/v1/sessions/current", operation_id = "logOut", tag = "sessions",
    responses((status = 204, headers(("Set-Cookie" = String))),
        (status = 403, description = "`people_only`, `user_session_required`")), security(("bearer" = [])))]
pub async fn log_out(State(app): State<App>, caller: Authenticated) -> Result<(StatusCode, Headers), Problem> {
    let user = signed_in(&caller.claims, &caller.principal)?;
    let session =
        caller.claims.sid.ok_or_else(|| Problem::forbidden("people_only", "This token belongs to no session."))?;
    opening::end(&app, user, session, Consent::Kept).await?;
    Ok((StatusCode::NO_CONTENT, headers(cookie(&app, "", 0))))
}

#[utoipa::path(delete, path = "/v1/sessions/{id}", operation_id = "endSession", tag = "sessions",
    params(("id" = SessionId, Path)),
    responses((status = 204),
        (status = 403, description = "`people_only`, `user_session_required`, \
            `personal_session_required`"),
        (status = 404, description = "`session_not_found`")), security(("bearer" = [])))]
pub async fn end(
    State(app): State<App>,
    caller: Authenticated,
    Path(id): Path<SessionId>,
) -> Result<StatusCode, Problem> {
    opening::end(&app, logged_in(&caller.claims, &caller.principal)?, id, Consent::Withdrawn).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(delete, path = "/v1/sessions", operation_id = "endOtherSessions", tag = "sessions",
    responses((status = 204), (status = 403, description = "`people_only`, `user_session_required`, \
            `personal_session_required`"),
        (status = 503, description = "`sessions_unconfirmed`: it is done, and goes on by itself.")),
    security(("bearer" = [])))]
pub async fn end_others(State(app): State<App>, caller: Authenticated) -> Result<StatusCode, Problem> {
    let user = logged_in(&caller.claims, &caller.principal)?;
    let mut tx = ending::begin(&app).await?;
    let ended = ending::end_all(&mut tx, &app, user, caller.claims.sid, EndReason::LoggedOut).await?;
    tx.commit().await?;
    ending::tell(&app, &ended).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The headers by which a browser keeps the session.
pub fn with_cookie(app: &App, alive: &Alive) -> Headers {
    headers(cookie(app, alive.refresh_token.expose(), IDLE.num_seconds()))
}

fn headers(cookie: String) -> Headers {
    [(header::SET_COOKIE, cookie), (NO_STORE.0, NO_STORE.1.to_owned())]
}

/// Scripts cannot read it, other sites cannot send it with a POST, and only this folder gets it (RFC 6265).
fn cookie(app: &App, token: &str, max_age: i64) -> String {
    let secure = if app.public_url.starts_with("https:") { "; Secure" } else { "" };
    format!("{COOKIE}={token}; Path=/v1/sessions; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}")
}
