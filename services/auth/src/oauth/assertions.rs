//! Assertions by which clients show who they are: JWTs that they sign with a key that only they have (RFC 7523 §3).

use super::{
    error::Refusal,
    known::{find, invalid_client},
    store::{self, OAuthClient},
};
use crate::{app::App, clients::registration::AuthMethod, opaque::sha256};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation,
    jwk::{AlgorithmParameters, Jwk, JwkSet},
};
use serde::Deserialize;

/// RFC 7523 §2.2.
pub const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Made for one request; what was shown is remembered for as long.
const LONGEST_LIFE: TimeDelta = TimeDelta::minutes(5);
/// Clock difference that is forgiven, in seconds.
const LEEWAY: i64 = 5;
const LONGEST: usize = 4096;
const LONGEST_ID: usize = 255;

#[derive(Deserialize)]
struct Assertion {
    sub: String,
    exp: i64,
    jti: String,
}

/// The client whose assertion this is. Each is taken once.
pub async fn client(app: &App, named: Option<&str>, assertion: &str) -> Result<OAuthClient, Refusal> {
    let id = subject(assertion).filter(|subject| named.is_none_or(|named| named == subject));
    let client = find(app, &id.ok_or_else(invalid_client)?).await?;
    let client = client.filter(|client| client.method == AuthMethod::PrivateKeyJwt).ok_or_else(invalid_client)?;
    let audiences = [app.issuer.name().to_owned(), format!("{}/v1/oauth/token", app.public_url)];
    let keys = client.jwks.as_ref().ok_or_else(invalid_client)?;
    let read = verified(keys, assertion, &client.id.to_string(), &audiences, app.ambient.now());
    let (jti_hash, expires_at) = read.ok_or_else(invalid_client)?;
    let mut tx = app.db.begin_tenantless().await?;
    let first = store::use_assertion(&mut tx, client.id, &jti_hash, expires_at).await?;
    tx.commit().await?;
    if first { Ok(client) } else { Err(invalid_client()) }
}

/// Who it claims to be of, before anything is verified.
fn subject(assertion: &str) -> Option<String> {
    if assertion.len() > LONGEST {
        return None;
    }
    jsonwebtoken::dangerous::insecure_decode::<Assertion>(assertion).ok().map(|data| data.claims.sub)
}

/// The hash of its `jti` and when it may be forgotten, if it is sound.
fn verified(
    keys: &JwkSet,
    assertion: &str,
    client: &str,
    audiences: &[String],
    now: DateTime<Utc>,
) -> Option<([u8; 32], DateTime<Utc>)> {
    let header = jsonwebtoken::decode_header(assertion).ok()?;
    let mut fitting = keys.keys.iter().filter(|key| {
        algorithms(key).contains(&header.alg) && (header.kid.is_none() || header.kid == key.common.key_id)
    });
    let claims = fitting.find_map(|key| {
        let mut validation = Validation::new(header.alg);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[client]);
        validation.set_audience(audiences);
        validation.sub = Some(client.to_owned());
        // By our own clock, below.
        validation.validate_exp = false;
        let key = DecodingKey::from_jwk(key).ok()?;
        jsonwebtoken::decode::<Assertion>(assertion, &key, &validation).ok()
    });
    let claims = claims.filter(|_| header.crit.is_none())?.claims;
    let left = claims.exp.checked_sub(now.timestamp())?;
    let timely = (-LEEWAY..=LONGEST_LIFE.num_seconds() + LEEWAY).contains(&left);
    let named = (1..=LONGEST_ID).contains(&claims.jti.len());
    // Kept longer than it could be shown again.
    let forgotten = DateTime::from_timestamp(claims.exp, 0)? + TimeDelta::seconds(2 * LEEWAY);
    (timely && named).then(|| (sha256(&[claims.jti.as_bytes()]), forgotten))
}

/// What a key may sign with; the assertion does not decide (RFC 8725 §3.1).
fn algorithms(key: &Jwk) -> &'static [Algorithm] {
    match &key.algorithm {
        AlgorithmParameters::OctetKeyPair(_) => &[Algorithm::EdDSA],
        AlgorithmParameters::EllipticCurve(_) => &[Algorithm::ES256],
        AlgorithmParameters::RSA(_) => &[Algorithm::RS256, Algorithm::PS256],
        _ => &[],
    }
}
