//! ID tokens (OpenID Connect Core §2): who has signed in, when and by what, told to the app that asked.

use crate::{app::App, factors::authentication::acr, sessions::model::Session};
use common::problem::Problem;
use contracts::id::{ClientId, SessionId, UserId};
use serde::{Deserialize, Serialize};

/// An app reads it as soon as it gets it.
const LIFETIME: i64 = 600;
/// Of a JWT that is no access token, so that nobody takes one for the other (RFC 8725 §3.11).
pub const TYPE: &str = "JWT";

/// What an ID token says.
#[derive(Debug, Serialize, Deserialize)]
pub struct IdClaims {
    pub iss: String,
    pub sub: UserId,
    pub aud: ClientId,
    pub exp: i64,
    pub iat: i64,
    pub auth_time: i64,
    /// Authentication context class: `aal1` or `aal2` (NIST SP 800-63B).
    pub acr: String,
    /// Authentication methods (RFC 8176).
    pub amr: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    pub sid: SessionId,
}

/// An ID token about the session of `client`, which asked with `nonce`.
pub async fn of(app: &App, session: &Session, client: ClientId, nonce: Option<String>) -> Result<String, Problem> {
    let now = app.ambient.now().timestamp();
    let claims = IdClaims {
        iss: app.issuer.name().to_owned(),
        sub: session.user_id,
        aud: client,
        exp: now + LIFETIME,
        iat: now,
        auth_time: session.authenticated_at().timestamp(),
        acr: acr(&session.methods()).to_owned(),
        amr: session.methods(),
        nonce,
        sid: session.id,
    };
    app.keyring.sign_as(TYPE, &claims).await
}

/// What an ID token of ours says, expired or not: to recognise who leaves (RP-Initiated Logout §2).
pub async fn read(app: &App, hint: &str) -> Result<Option<IdClaims>, Problem> {
    Ok(app.keyring.claims::<IdClaims>(TYPE, hint).await?.filter(|claims| claims.iss == app.issuer.name()))
}
