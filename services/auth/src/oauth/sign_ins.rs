//! Sign-ins: who is signed in in this browser, at our own page? The cookie goes to nobody but this service, and is no
//! token.

use crate::{
    accounts::store::{self as accounts, User},
    app::App,
    opaque::OpaqueToken,
};
use axum::http::{HeaderMap, header};
use chrono::{DateTime, TimeDelta, Utc};
use common::problem::Problem;
use contracts::id::UserId;
use sqlx::PgConnection;
use uuid::Uuid;

const COOKIE: &str = "sign_in";
/// Over TLS.
const HOST_COOKIE: &str = "__Host-sign_in";
/// A working day, and some: after that the next app asks for the password again.
const LIFETIME: TimeDelta = TimeDelta::hours(12);

/// Somebody who is signed in in a browser.
pub struct SignIn {
    pub id: Uuid,
    pub user: User,
    /// Authentication methods (RFC 8176).
    pub amr: Vec<String>,
    pub authenticated_at: DateTime<Utc>,
}

/// The sign-in of the browser that sends `headers`, while it lasts and the password is still the same.
pub async fn of(app: &App, headers: &HeaderMap) -> Result<Option<SignIn>, Problem> {
    let Some(shown) = from_cookie(headers) else { return Ok(None) };
    let mut conn = app.db.pool().acquire().await?;
    let Some(found) = find(&mut conn, &shown, app.ambient.now()).await? else { return Ok(None) };
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
    if let Some(earlier) = from_cookie(headers) {
        end_shown(conn, &earlier, now).await?;
    }
    insert(conn, &sign_in, &token, now + LIFETIME).await?;
    Ok(cookie(app, token.expose(), LIFETIME.num_seconds()))
}

/// Ends the browser's sign-in; gives the cookie that takes its cookie away.
pub async fn end(app: &App, headers: &HeaderMap) -> Result<String, Problem> {
    if let Some(shown) = from_cookie(headers) {
        end_shown(&mut *app.db.pool().acquire().await?, &shown, app.ambient.now()).await?;
    }
    Ok(cookie(app, "", 0))
}

/// Scripts cannot read it, other sites cannot have it sent with a form of theirs, and over TLS no other host can set it
/// (RFC 6265bis §4.1.3).
fn cookie(app: &App, token: &str, max_age: i64) -> String {
    let (name, secure) = if app.public_url.starts_with("https:") { (HOST_COOKIE, "; Secure") } else { (COOKIE, "") };
    format!("{name}={token}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}")
}

/// Whether the browser sends a cookie of a sign-in, alive or not.
pub fn is_known(headers: &HeaderMap) -> bool {
    from_cookie(headers).is_some()
}

fn from_cookie(headers: &HeaderMap) -> Option<OpaqueToken> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    // A plain one counts only where it is what we set; nobody is harmed by one that we did not make.
    pairs
        .find(|(name, value)| [HOST_COOKIE, COOKIE].contains(name) && !value.is_empty())
        .map(|(_, value)| OpaqueToken::shown(value))
}

struct Found {
    id: Uuid,
    user_id: UserId,
    password_version: i32,
    amr: Vec<String>,
    authenticated_at: DateTime<Utc>,
}

async fn find(conn: &mut PgConnection, shown: &OpaqueToken, now: DateTime<Utc>) -> sqlx::Result<Option<Found>> {
    sqlx::query_as!(
        Found,
        "SELECT id, user_id, password_version, amr, authenticated_at FROM sign_ins
         WHERE token_hash = $1 AND ended_at IS NULL AND expires_at > $2",
        &shown.hash(),
        now
    )
    .fetch_optional(conn)
    .await
}

async fn insert(
    conn: &mut PgConnection,
    sign_in: &SignIn,
    token: &OpaqueToken,
    expires_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO sign_ins (id, user_id, token_hash, password_version, amr, authenticated_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        sign_in.id,
        sign_in.user.id.0,
        &token.hash(),
        sign_in.user.password_version,
        &sign_in.amr,
        sign_in.authenticated_at,
        expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn end_shown(conn: &mut PgConnection, shown: &OpaqueToken, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("UPDATE sign_ins SET ended_at = $2 WHERE token_hash = $1 AND ended_at IS NULL", &shown.hash(), now)
        .execute(conn)
        .await?;
    Ok(())
}
