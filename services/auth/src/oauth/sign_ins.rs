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
use audit::Entry;
use axum::http::HeaderMap;
use chrono::TimeDelta;
use common::{db::Scoped, problem::Problem};
use contracts::id::Principal;
use serde_json::json;

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
    tx: &mut impl Scoped,
    app: &App,
    user: User,
    amr: Vec<String>,
    headers: &HeaderMap,
) -> Result<String, Problem> {
    let (token, now) = (OpaqueToken::new(&app.ambient), app.ambient.now());
    let sign_in = SignIn { id: app.ambient.uuid(), user, amr, authenticated_at: now };
    if let Some(earlier) = from_cookie(app, headers) {
        store::end(tx, &earlier, now).await?;
    }
    store::insert(tx, &sign_in, &token, now + LIFETIME).await?;
    audit::note_of_platform(tx, begun(&sign_in));
    Ok(cookie(app, token.expose(), LIFETIME.num_seconds()))
}

/// Ends the browser's sign-in; gives the cookie that takes its cookie away.
pub async fn end(app: &App, headers: &HeaderMap) -> Result<String, Problem> {
    if let Some(shown) = from_cookie(app, headers) {
        let mut tx = app.db.begin_tenantless().await?;
        if let Some((id, user)) = store::end(&mut tx, &shown, app.ambient.now()).await? {
            let user = Principal::User(user);
            let entry = Entry::new("sign_in.ended", &user).before(json!({"sign_in_id": id})).by(user);
            audit::note_of_platform(&mut tx, entry);
        }
        tx.commit().await?;
    }
    Ok(cookie(app, "", 0))
}

/// What the audit says.
fn begun(sign_in: &SignIn) -> Entry {
    let user = Principal::User(sign_in.user.id);
    Entry::new("sign_in.begun", &user).after(json!({"sign_in_id": sign_in.id, "amr": sign_in.amr})).by(user)
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
