//! Sign-ins: who is signed in in this browser, at our own page? The cookie goes to nobody but this service, and is no
//! token.

use super::sign_in_store as store;
pub use super::sign_in_store::SignIn;
use crate::{
    accounts::store::{self as accounts, User},
    app::App,
    cookies,
    opaque::OpaqueToken,
};
use axum::http::HeaderMap;
use chrono::TimeDelta;
use common::problem::Problem;
use sqlx::PgConnection;

const COOKIE: &str = "sign_in";
/// Over TLS.
const HOST_COOKIE: &str = "__Host-sign_in";
/// A working day, and some: after that the next app asks for the password again.
const LIFETIME: TimeDelta = TimeDelta::hours(12);

/// The sign-in of the browser that sends `headers`, while it lasts and the password is still the same.
pub async fn of(app: &App, headers: &HeaderMap) -> Result<Option<SignIn>, Problem> {
    let Some(shown) = from_cookie(app, headers) else { return Ok(None) };
    let mut conn = app.db.pool().acquire().await?;
    let Some(found) = store::find(&mut conn, &shown, app.ambient.now()).await? else { return Ok(None) };
    let user = accounts::find_user(&mut conn, found.user_id).await?;
    let user = user.filter(|user| user.password_version == found.password_version);
    Ok(user.map(|user| SignIn { id: found.id, user, amr: found.amr, authenticated_at: found.authenticated_at }))
}

/// Signs a person in who has proved who they are by `amr`; gives the cookie. What the browser had before ends.
pub async fn begin(
    conn: &mut PgConnection,
    app: &App,
    user: User,
    amr: Vec<String>,
    headers: &HeaderMap,
) -> Result<String, Problem> {
    let (token, now) = (OpaqueToken::new(&app.ambient), app.ambient.now());
    let sign_in = SignIn { id: app.ambient.uuid(), user, amr, authenticated_at: now };
    if let Some(earlier) = from_cookie(app, headers) {
        store::end(conn, &earlier, now).await?;
    }
    store::insert(conn, &sign_in, &token, now + LIFETIME).await?;
    Ok(cookie(app, token.expose(), LIFETIME.num_seconds()))
}

/// Ends the browser's sign-in; gives the cookie that takes its cookie away.
pub async fn end(app: &App, headers: &HeaderMap) -> Result<String, Problem> {
    if let Some(shown) = from_cookie(app, headers) {
        store::end(&mut *app.db.pool().acquire().await?, &shown, app.ambient.now()).await?;
    }
    Ok(cookie(app, "", 0))
}

/// Scripts cannot read it, other sites cannot have it sent with a form of theirs, and over TLS no other host can set it
/// (RFC 6265bis §4.1.3).
fn cookie(app: &App, token: &str, max_age: i64) -> String {
    let (name, secure) = (name(app), if name(app) == HOST_COOKIE { "; Secure" } else { "" });
    format!("{name}={token}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}")
}

/// Whether the browser sends a cookie of a sign-in, alive or not.
pub fn is_known(app: &App, headers: &HeaderMap) -> bool {
    from_cookie(app, headers).is_some()
}

/// Over TLS only the one that no other host can have set.
fn from_cookie(app: &App, headers: &HeaderMap) -> Option<OpaqueToken> {
    cookies::find(headers, name(app)).map(OpaqueToken::shown)
}

fn name(app: &App) -> &'static str {
    if app.public_url.starts_with("https:") { HOST_COOKIE } else { COOKIE }
}
