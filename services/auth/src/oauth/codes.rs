//! Authorization codes (OAuth 2.1 §4.1.2): given to an app through the browser, exchanged once, by the app itself.

use super::{
    code_store::{self as store, StoredCode},
    error::{Code, Refusal, refuse},
    request::Asked,
    scope::{OFFLINE_ACCESS, Scopes},
    sign_ins::SignIn,
    store::OAuthClient,
    views,
};
use crate::{
    accounts::store as accounts,
    app::App,
    factors::authentication::{ONE_FACTOR, acr},
    opaque::{OpaqueToken, sha256},
    pages,
    policy::store as policy,
    sessions::{
        model::{ABSOLUTE, Alive, EndReason, Grant, Session},
        opening,
    },
};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::{http::StatusCode, response::Response};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use common::{db::TenantTx, limit::Limit, problem::Problem, source::Source};
use contracts::id::{SessionId, TenantId, UserId};
use std::time::Duration;

/// From one server to the next; a person has no part in it (OAuth 2.1 §4.1.2).
const LIFETIME: TimeDelta = TimeDelta::seconds(60);
/// Of one person from one network: each may become a session.
const CODES: Limit = Limit { name: "authorization-code", most: 100, window: Duration::from_secs(3600) };
/// RFC 7636 §4.1.
const VERIFIER: std::ops::RangeInclusive<usize> = 43..=128;

/// Sends the app a code for what the person has agreed to in `tenant`. 429 for who has had many.
pub async fn issue(
    app: &App,
    source: Source,
    asked: &Asked,
    sign_in: &SignIn,
    tenant: TenantId,
) -> Result<Response, Problem> {
    let counted = app.limiter.admit_for(&CODES, source, &sign_in.user.id.to_string()).await?;
    app.limiter.settle([counted], make(app, asked, sign_in, tenant).await).await
}

async fn make(app: &App, asked: &Asked, sign_in: &SignIn, tenant: TenantId) -> Result<Response, Problem> {
    let code = OpaqueToken::new(&app.ambient);
    let mut tx = app.db.begin_lookup().await?.enter(tenant).await?;
    if policy::demands_second_factor(&mut tx).await? && acr(&sign_in.amr) == ONE_FACTOR {
        return Ok(pages::refused(&factor_missing()));
    }
    let expires_at = app.ambient.now() + LIFETIME;
    store::insert(&mut tx, app.ambient.uuid(), &code, asked, sign_in, expires_at).await?;
    tx.commit().await?;
    Ok(views::lead_back(app, &asked.redirect_uri, asked.state.as_deref(), Ok(&code)))
}

/// Told to the person, who can do something about it, and not to the app.
fn factor_missing() -> Problem {
    let detail = "Your tenant demands a second factor, and you have none yet. Log in to the platform, set one up, and \
                  try again.";
    Problem::forbidden("second_factor_missing", detail)
}

/// What a code was exchanged for.
pub struct Redeemed {
    pub alive: Alive,
    pub grant: Grant,
    pub nonce: Option<String>,
}

/// Exchanges a code that `client` shows. One that was exchanged before ends the session it was exchanged for: somebody
/// has a copy (RFC 6749 §4.1.2).
pub async fn redeem(
    app: &App,
    client: &OAuthClient,
    shown: &OpaqueToken,
    (redirect_uri, verifier): (Option<&str>, Option<&str>),
) -> Result<Redeemed, Refusal> {
    let mut lookup = app.db.begin_lookup().await?;
    let tenant = store::tenant_of(&mut lookup, shown).await?.ok_or_else(no_such_code)?;
    let mut tx = lookup.enter(tenant).await?;
    let code = store::lock(&mut tx, shown).await?.filter(|code| code.client_id == client.id);
    let code = code.ok_or_else(no_such_code)?;
    if let Some(session) = code.session_id {
        return end(app, tx, code.user_id, SessionId(session)).await;
    }
    if app.ambient.now() >= code.expires_at || redirect_uri != Some(code.redirect_uri.as_str()) {
        return Err(refuse(Code::InvalidGrant, "The code has expired, or redirect_uri is not the one it was sent to."));
    }
    if !verifier.is_some_and(|verifier| is_met_by(&code.code_challenge, verifier)) {
        return Err(refuse(Code::InvalidGrant, "code_verifier is not the one that code_challenge was made of."));
    }
    exchange(app, tx, code).await
}

async fn exchange(app: &App, mut tx: TenantTx, code: StoredCode) -> Result<Redeemed, Refusal> {
    let now = app.ambient.now();
    let scopes = Scopes::from(code.scopes);
    let goes_on = scopes.has(OFFLINE_ACCESS);
    let grant = Grant { client_id: code.client_id, sign_in_id: code.sign_in_id, scopes, audience: code.audience };
    let lifetime = if goes_on { ABSOLUTE } else { TimeDelta::from_std(app.access_token).unwrap_or_default() };
    let session = Session {
        id: SessionId(app.ambient.uuid()),
        user_id: code.user_id,
        tenant_id: tx.tenant(),
        created_at: now,
        last_used_at: now,
        expires_at: now + lifetime,
        ended_at: None,
        end_reason: None,
        amr: Some(code.amr),
        authenticated_at: Some(code.authenticated_at),
        grant: Some(grant.clone()),
    };
    let user = accounts::find_user(&mut tx, code.user_id).await?;
    let user = user.filter(|user| user.password_version == code.password_version);
    let user = user.ok_or_else(no_such_code)?;
    let refresh_token = OpaqueToken::of_app(&app.ambient);
    opening::admit_into(&mut tx, &user).await.map_err(|problem| match problem.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => no_such_code(),
        _ => Refusal::Problem(problem),
    })?;
    if !store::keep_sign_in(&mut tx, code.sign_in_id).await? {
        return Err(no_such_code());
    }
    opening::insert(&mut tx, app, &session, &refresh_token).await?;
    store::use_up(&mut tx, code.id, session.id).await?;
    tx.commit().await?;
    Ok(Redeemed { alive: Alive { session, refresh_token }, grant, nonce: code.nonce })
}

async fn end(app: &App, mut tx: TenantTx, user: UserId, session: SessionId) -> Result<Redeemed, Refusal> {
    let tenant = tx.tenant();
    opening::end_one(&mut tx, app, user, session, EndReason::CodeReused).await?;
    tx.commit().await?;
    tracing::warn!(session_id = %session, "An authorization code was used twice; its session has ended");
    app.live_sessions.close(tenant, session).await?;
    Err(refuse(Code::InvalidGrant, "The code was used before, so what it was exchanged for has ended."))
}

/// `code_challenge` by `S256` (RFC 7636 §4.6).
fn is_met_by(challenge: &str, verifier: &str) -> bool {
    let made = URL_SAFE_NO_PAD.encode(sha256(&[verifier.as_bytes()]));
    VERIFIER.contains(&verifier.len()) && verify_slices_are_equal(made.as_bytes(), challenge.as_bytes()).is_ok()
}

fn no_such_code() -> Refusal {
    refuse(Code::InvalidGrant, "There is no such code of this client.")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7636, appendix B.
    #[test]
    fn a_verifier_meets_its_challenge() {
        let (verifier, challenge) =
            ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert!(is_met_by(challenge, verifier));
        assert!(!is_met_by(challenge, challenge) && !is_met_by(verifier, verifier), "not the plain one");
        let short = URL_SAFE_NO_PAD.encode(sha256(&[b"short"]));
        assert!(!is_met_by(&short, "short"));
    }
}
