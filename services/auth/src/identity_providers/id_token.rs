//! ID tokens of providers (OpenID Connect Core §3.1.3.7): does this one say to us, now, who has signed in?

use super::signature::Header;
use crate::{email::Email, opaque::sha256};
use aws_lc_rs::digest::{SHA512, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// Clock difference that is forgiven, in seconds: a stranger's clock.
const LEEWAY: i64 = 60;
/// It comes right after the code, which lives for minutes.
const OLDEST: i64 = 600;
/// OpenID Connect Core §2.
const LONGEST_SUBJECT: usize = 255;

/// Methods (RFC 8176) by what they prove: something known, something had, or somebody.
const KINDS: [&[&str]; 3] =
    [&["pwd", "pin", "kba"], &["otp", "sms", "tel", "hwk", "swk", "sc"], &["face", "fpt", "iris", "retina", "vbm"]];
const SEVERAL: &str = "mfa";

/// What an ID token says, as it comes.
#[derive(Deserialize)]
pub struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: f64,
    iat: f64,
    #[serde(default)]
    nbf: Option<f64>,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    azp: Option<String>,
    #[serde(default)]
    at_hash: Option<String>,
    #[serde(default)]
    auth_time: Option<f64>,
    #[serde(default)]
    amr: Option<Value>,
    #[serde(flatten)]
    address: Address,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// What is said of somebody's address, in an ID token or by UserInfo (OpenID Connect Core §5.1).
#[derive(Debug, Default, Deserialize)]
pub struct Address {
    #[serde(default)]
    email: Option<Value>,
    #[serde(default)]
    email_verified: Option<Value>,
}

/// What we asked for.
pub struct Expected<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    pub nonce: &'a str,
    /// That came with the ID token.
    pub access_token: &'a str,
}

/// Who has signed in at the provider.
#[derive(Debug)]
pub struct SignedIn {
    pub subject: String,
    pub address: Address,
    /// When they did; a provider need not say.
    pub authenticated_at: Option<DateTime<Utc>>,
    /// By the provider's word.
    pub two_factors: bool,
}

impl Claims {
    /// What is wrong is told in words for the provider's people.
    pub fn check(self, header: &Header, expected: &Expected<'_>, now: DateTime<Utc>) -> Result<SignedIn, &'static str> {
        let now = now.timestamp();
        let client = expected.client_id;
        let only_us = match &self.aud {
            Audience::One(audience) => audience == client,
            Audience::Many(audiences) => !audiences.is_empty() && audiences.iter().all(|audience| audience == client),
        };
        let at_hash = self.at_hash.as_deref();
        let faults = [
            (self.iss != expected.issuer, "the ID token is of another issuer"),
            (!only_us, "the ID token is for another client"),
            (self.azp.as_deref().is_some_and(|azp| azp != client), "the ID token was issued to another client"),
            (self.nonce.as_deref() != Some(expected.nonce), "the ID token is of another sign-in"),
            (now >= seconds(self.exp).saturating_add(LEEWAY), "the ID token has expired"),
            (seconds(self.iat) > now + LEEWAY, "the ID token is of the future"),
            (seconds(self.iat) < now - OLDEST - LEEWAY, "the ID token is too old"),
            (self.nbf.is_some_and(|nbf| seconds(nbf) > now + LEEWAY), "the ID token does not count yet"),
            (!(1..=LONGEST_SUBJECT).contains(&self.sub.len()), "the ID token's sub is empty or too long"),
            (self.sub.contains('\0'), "the ID token's sub is no text"),
            (
                at_hash.is_some_and(|hash| hash != hash_of(header.algorithm, expected.access_token)),
                "the ID token is of another access token",
            ),
        ];
        if let Some((_, fault)) = faults.into_iter().find(|(wrong, _)| *wrong) {
            return Err(fault);
        }
        let authenticated_at = self.auth_time.and_then(|at| DateTime::from_timestamp(seconds(at).min(now), 0));
        let two_factors = self.amr.as_ref().is_some_and(has_two_factors);
        Ok(SignedIn { subject: self.sub, address: self.address, authenticated_at, two_factors })
    }
}

impl Address {
    /// Whether anything is said of it.
    pub fn is_told(&self) -> bool {
        self.email.is_some()
    }

    /// The address, if the provider says that it is theirs: `true`, and not a word that looks like it.
    pub fn verified(&self) -> Option<Email> {
        let verified = self.email_verified.as_ref() == Some(&Value::Bool(true));
        self.email.as_ref().filter(|_| verified)?.as_str()?.parse().ok()
    }
}

/// NumericDate (RFC 7519 §2); what is beyond any date is the last one.
fn seconds(at: f64) -> i64 {
    at as i64
}

/// `at_hash` (OpenID Connect Core §3.1.3.6), by the hash of the signature's algorithm; Ed25519 has SHA-512.
fn hash_of(algorithm: Algorithm, access_token: &str) -> String {
    let text = access_token.as_bytes();
    match algorithm {
        Algorithm::EdDSA => URL_SAFE_NO_PAD.encode(&digest(&SHA512, text).as_ref()[..32]),
        _ => URL_SAFE_NO_PAD.encode(&sha256(&[text])[..16]),
    }
}

/// Whether the methods are of two kinds, or the provider says that they are.
fn has_two_factors(amr: &Value) -> bool {
    let methods: BTreeSet<&str> = amr.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let kinds = KINDS.iter().filter(|kind| kind.iter().any(|method| methods.contains(method))).count();
    methods.contains(SEVERAL) || kinds > 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_800_000_000;

    fn check(changes: Value) -> Result<SignedIn, &'static str> {
        let mut claims = json!({"iss": "https://id.test", "sub": "ada", "aud": "us", "exp": NOW + 60, "iat": NOW,
            "nonce": "n", "email": "Ada@acme.test", "email_verified": true});
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let claims: Claims = serde_json::from_value(claims).map_err(|_| "not of that form")?;
        let expected = Expected { issuer: "https://id.test", client_id: "us", nonce: "n", access_token: "token" };
        let header = Header { algorithm: Algorithm::RS256, kid: None };
        claims.check(&header, &expected, DateTime::from_timestamp(NOW, 0).unwrap())
    }

    #[test]
    fn what_is_asked_for_is_taken() {
        let found = check(json!({})).unwrap();
        assert_eq!((found.subject.as_str(), found.authenticated_at, found.two_factors), ("ada", None, false));
        assert_eq!(found.address.verified().unwrap().as_str(), "ada@acme.test");
        for sound in [
            json!({"aud": ["us"]}),
            json!({"azp": "us"}),
            json!({"exp": NOW - 59}),
            json!({"exp": NOW as f64 + 0.5}),
            json!({"iat": NOW + 60, "auth_time": NOW + 60}),
            json!({"at_hash": hash_of(Algorithm::RS256, "token")}),
        ] {
            assert!(check(sound.clone()).is_ok(), "{sound}");
        }
    }

    #[test]
    fn nothing_else_is() {
        for wrong in [
            json!({"iss": "https://id.test/"}),
            json!({"iss": ["https://id.test"]}),
            json!({"aud": "them"}),
            json!({"aud": ["us", "them"]}),
            json!({"aud": []}),
            json!({"aud": null}),
            json!({"azp": "them"}),
            json!({"nonce": "m"}),
            json!({"nonce": null}),
            json!({"exp": NOW - 60}),
            json!({"exp": null}),
            json!({"exp": "later"}),
            json!({"iat": NOW + 61}),
            json!({"iat": NOW - 661}),
            json!({"iat": null}),
            json!({"nbf": NOW + 61}),
            json!({"sub": ""}),
            json!({"sub": "x".repeat(256)}),
            json!({"sub": "a\0b"}),
            json!({"sub": 7}),
            json!({"at_hash": hash_of(Algorithm::RS256, "another")}),
            json!({"at_hash": hash_of(Algorithm::EdDSA, "token")}),
        ] {
            assert!(check(wrong.clone()).is_err(), "{wrong}");
        }
    }

    /// OpenID Connect Core, appendix A.3.
    #[test]
    fn the_hash_of_a_token_is_that_of_the_standard() {
        assert_eq!(hash_of(Algorithm::RS256, "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"), "77QmUPtjPfzWtF2AnpK9RQ");
    }

    #[test]
    fn an_address_counts_only_if_it_is_verified() {
        for unverified in [json!(null), json!(false), json!("true"), json!(1), json!([true])] {
            assert!(check(json!({"email_verified": unverified})).unwrap().address.verified().is_none(), "{unverified}");
        }
        for email in [json!(null), json!("ada"), json!(["ada@acme.test"]), json!("ada@acme.test, eve@evil.test")] {
            assert!(check(json!({"email": email})).unwrap().address.verified().is_none(), "{email}");
        }
    }

    #[test]
    fn two_factors_are_of_two_kinds() {
        for (amr, two) in [
            (json!(["pwd", "mfa"]), true),
            (json!(["pwd", "otp"]), true),
            (json!(["hwk", "fpt"]), true),
            (json!(["pwd", "pin"]), false),
            (json!(["otp", "sms"]), false),
            (json!(["hwk", "user"]), false),
            (json!([]), false),
            (json!("mfa"), false),
            (json!([["mfa"]]), false),
        ] {
            assert_eq!(check(json!({"amr": amr})).unwrap().two_factors, two, "{amr}");
        }
    }
}
