//! What a client says of itself, by the names of RFC 7591 §2: checked, every fault told at once.

use crate::{
    name::Name,
    oauth::{redirect_uri::RedirectUri, scope::Scopes},
    registrations::model,
};
use common::problem::FieldError;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// An app for the web, for phones and for a developer's machine.
const MOST_URIS: usize = 10;
/// One that signs, one that follows, and some for several machines.
const MOST_KEYS: usize = 5;
/// Of an RSA key's modulus in base64url: 2,048 bits (NIST SP 800-131A).
const SHORTEST_MODULUS: usize = 342;
/// 4,096 bits: longer ones cost us more than they give.
const LONGEST_MODULUS: usize = 683;

/// How a client shows who it is at the token endpoint (RFC 7591 §2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum AuthMethod {
    /// By a secret, in the header or in the body.
    #[default]
    ClientSecretBasic,
    /// By an assertion that it signs (RFC 7523).
    PrivateKeyJwt,
    /// Not at all: an app in a browser or on a phone, which can keep no secret. It only signs people in.
    None,
}

/// Body of `POST /v1/clients`.
#[derive(Deserialize, ToSchema)]
pub struct ClientRequest {
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 100, example = "nightly import")]
    name: Option<String>,
    #[serde(default)]
    token_endpoint_auth_method: AuthMethod,
    /// The client's public keys (RFC 7517 §5), for `private_key_jwt`: Ed25519, P-256, or RSA of 2,048 bits and more.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    jwks: Option<Value>,
    /// Where people are sent back to after they have signed in: compared character by character.
    #[serde(default)]
    #[schema(max_items = 10, example = json!(["https://app.example.com/signed-in"]))]
    redirect_uris: Vec<String>,
    /// Where people may be sent after they have signed out.
    #[serde(default)]
    #[schema(max_items = 10, example = json!(["https://app.example.com/"]))]
    post_logout_redirect_uris: Vec<String>,
    /// What the client may ask people for: `openid`, `profile`, `email`, `offline_access` and permissions, separated
    /// by spaces.
    #[serde(default)]
    #[schema(example = "openid email")]
    scope: String,
}

/// A checked request.
pub struct Registration {
    pub name: Name,
    pub method: AuthMethod,
    pub jwks: Option<JwkSet>,
    pub redirect_uris: Vec<RedirectUri>,
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    pub scopes: Scopes,
}

impl ClientRequest {
    pub fn check(self) -> Result<Registration, Vec<FieldError>> {
        let mut faults = Vec::new();
        let name = model::name("name", self.name.as_deref(), &mut faults);
        let redirect_uris = uris("redirect_uris", &self.redirect_uris, &mut faults);
        let post_logout_redirect_uris = uris("post_logout_redirect_uris", &self.post_logout_redirect_uris, &mut faults);
        let jwks = keys(self.token_endpoint_auth_method, self.jwks, &mut faults);
        let scopes = self.scope.parse::<Scopes>();
        let scopes = scopes.map_err(|fault| faults.push(FieldError::new("scope", "malformed", fault.to_string())));
        if self.token_endpoint_auth_method == AuthMethod::None && self.redirect_uris.is_empty() {
            faults.push(FieldError::new("redirect_uris", "missing", "is required of a client that has no credentials"));
        }
        match (name, scopes) {
            (Some(name), Ok(scopes)) if faults.is_empty() => Ok(Registration {
                name,
                method: self.token_endpoint_auth_method,
                jwks,
                redirect_uris,
                post_logout_redirect_uris,
                scopes,
            }),
            _ => Err(faults),
        }
    }
}

fn uris(field: &str, given: &[String], faults: &mut Vec<FieldError>) -> Vec<RedirectUri> {
    if given.len() > MOST_URIS {
        faults.push(FieldError::new(field, "too_many", format!("must be at most {MOST_URIS}")));
        return Vec::new();
    }
    let read = |(at, uri): (usize, &String)| {
        uri.parse().map_err(|fault: crate::oauth::redirect_uri::NotARedirectUri| {
            faults.push(FieldError::new(format!("{field}[{at}]"), "malformed", fault.to_string()));
        })
    };
    given.iter().enumerate().map(read).filter_map(Result::ok).collect()
}

/// The keys of a client that signs; another one has none.
fn keys(method: AuthMethod, given: Option<Value>, faults: &mut Vec<FieldError>) -> Option<JwkSet> {
    let mut fault = |code, message: String| faults.push(FieldError::new("jwks", code, message));
    match (method, given) {
        (AuthMethod::PrivateKeyJwt, Some(given)) => {
            let members = given["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
            if members.iter().any(is_secret) {
                fault("private", "must hold public keys only".into());
                return None;
            }
            let set = serde_json::from_value::<JwkSet>(given).ok();
            let set = set.filter(|set| (1..=MOST_KEYS).contains(&set.keys.len()) && set.keys.iter().all(may_sign));
            if set.is_none() {
                let message = "must be a JWK set of 1 to {MOST_KEYS} public keys: Ed25519, P-256, or RSA of 2,048 to \
                               4,096 bits";
                fault("malformed", message.replace("{MOST_KEYS}", &MOST_KEYS.to_string()));
            }
            set
        }
        (AuthMethod::PrivateKeyJwt, None) => {
            fault("missing", "is required for private_key_jwt".into());
            None
        }
        (_, Some(_)) => {
            fault("not_applicable", "is only for private_key_jwt".into());
            None
        }
        (_, None) => None,
    }
}

/// Private parts of a key (RFC 7518 §6.2.2, §6.3.2), or a key that both sides would know (§6.4).
fn is_secret(key: &Value) -> bool {
    ["d", "p", "q", "dp", "dq", "qi", "k"].iter().any(|member| key.get(member).is_some())
}

fn may_sign(key: &Jwk) -> bool {
    match &key.algorithm {
        AlgorithmParameters::EllipticCurve(key) => key.curve == EllipticCurve::P256,
        AlgorithmParameters::OctetKeyPair(key) => key.curve == EllipticCurve::Ed25519,
        AlgorithmParameters::RSA(key) => (SHORTEST_MODULUS..=LONGEST_MODULUS).contains(&key.n.len()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn faults(body: Value) -> String {
        let request: ClientRequest = serde_json::from_value(body).unwrap();
        let faults = request.check().err().unwrap_or_default();
        faults.iter().map(|fault| format!("{} {}", fault.field, fault.code)).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn every_fault_is_told_at_once() {
        assert_eq!(faults(json!({"name": "nightly import"})), "");
        let wrong = json!({"redirect_uris": ["https://app.test/", "http://app.test/"], "scope": "admin",
            "token_endpoint_auth_method": "private_key_jwt"});
        assert_eq!(faults(wrong), "name missing, redirect_uris[1] malformed, jwks missing, scope malformed");
        assert_eq!(faults(json!({"name": "app", "token_endpoint_auth_method": "none"})), "redirect_uris missing");
        let many: Vec<_> = (0..=MOST_URIS).map(|n| format!("https://app.test/{n}")).collect();
        assert_eq!(faults(json!({"name": "app", "redirect_uris": many})), "redirect_uris too_many");
    }

    #[test]
    fn keys_are_public_and_strong() {
        let ed25519 = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        let with = |key: Value| {
            faults(json!({"name": "app", "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [key]}}))
        };
        assert_eq!(with(ed25519.clone()), "");
        let mut private = ed25519.clone();
        private["d"] = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A".into();
        assert_eq!(with(private), "jwks private");
        assert_eq!(with(json!({"kty": "oct", "k": "c2VjcmV0"})), "jwks private");
        assert_eq!(with(json!({"kty": "RSA", "e": "AQAB", "n": "A".repeat(171)})), "jwks malformed");
        assert_eq!(with(json!({"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"})), "jwks malformed");
        assert_eq!(with(json!("key")), "jwks malformed");
        assert_eq!(faults(json!({"name": "app", "jwks": {"keys": [ed25519]}})), "jwks not_applicable");
    }
}
