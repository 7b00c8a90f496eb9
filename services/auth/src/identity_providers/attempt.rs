//! A sign-in at a provider that is under way: which one is it, and is it this browser's?
//!
//! Nothing is stored of it, as strangers begin them: it travels sealed in `state`, and opens only beside the cookie of
//! the browser that began it. So nobody can have somebody else's browser end a sign-in of theirs (RFC 6749 §10.12).
//! What PKCE and `nonce` need follows from the cookie: a code that came for one browser is worth nothing in another.

use crate::{cookies, opaque::sha256};
use axum::http::HeaderMap;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use common::{ambient::Ambient, sealing::Sealer};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Long enough to find one's password and telephone.
const LIFETIME: TimeDelta = TimeDelta::minutes(10);
const COOKIE: &str = "identity_sign_in";
/// Over TLS.
const HOST_COOKIE: &str = "__Host-identity_sign_in";
/// What else is sealed under the same key opens nothing here.
const CONTEXT: &[u8] = b"sign-in at an identity provider ";
/// Of a cookie: 256 bits in base64url.
const SECRET_LEN: usize = 43;

/// What was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    #[serde(rename = "p")]
    pub provider: Uuid,
    /// The provider as it was then: another issuer would be another provider.
    #[serde(rename = "v")]
    pub revision: i32,
    /// Of the session that comes of it, of which there is only one.
    #[serde(rename = "s")]
    pub session: Uuid,
    /// Checked when it was named.
    #[serde(rename = "r")]
    pub return_to: String,
    #[serde(rename = "u")]
    until: i64,
}

/// What only the browser knows that begins a sign-in.
pub struct BrowserSecret(String);

/// Seals and opens attempts; cheap to clone.
#[derive(Clone)]
pub struct Attempts {
    sealer: Sealer,
    ambient: Ambient,
    /// Cookies are sent over TLS only, and no other host can set them.
    secure: bool,
}

impl Attempt {
    /// The code verifier (RFC 7636 §4.1).
    pub fn verifier(&self, browser: &BrowserSecret) -> String {
        self.derived(b"code verifier ", browser)
    }

    /// `code_challenge` by S256.
    pub fn challenge(&self, browser: &BrowserSecret) -> String {
        URL_SAFE_NO_PAD.encode(sha256(&[self.verifier(browser).as_bytes()]))
    }

    pub fn nonce(&self, browser: &BrowserSecret) -> String {
        self.derived(b"nonce ", browser)
    }

    /// 256 bits that nobody can say who does not know the browser's.
    fn derived(&self, purpose: &[u8], browser: &BrowserSecret) -> String {
        URL_SAFE_NO_PAD.encode(sha256(&[purpose, self.session.as_bytes(), browser.0.as_bytes()]))
    }
}

impl Attempts {
    pub fn new(sealer: Sealer, ambient: Ambient, public_url: &str) -> Self {
        Self { sealer, ambient, secure: public_url.starts_with("https:") }
    }

    pub fn begin(&self, provider: Uuid, revision: i32, return_to: String) -> Attempt {
        let until = (self.ambient.now() + LIFETIME).timestamp();
        Attempt { provider, revision, session: self.ambient.uuid(), return_to, until }
    }

    /// The browser's own secret, or a new one. Several tabs share it.
    pub fn browser(&self, headers: &HeaderMap) -> BrowserSecret {
        self.known_browser(headers).unwrap_or_else(|| BrowserSecret(self.ambient.token()))
    }

    pub fn known_browser(&self, headers: &HeaderMap) -> Option<BrowserSecret> {
        let shown = cookies::find(headers, self.name())?;
        let sound = shown.len() == SECRET_LEN && URL_SAFE_NO_PAD.decode(shown).is_ok();
        sound.then(|| BrowserSecret(shown.to_owned()))
    }

    /// Scripts cannot read it; browsers send it with the navigation that leads back, and with nothing else of other
    /// sites (RFC 6265bis §5.6.7).
    pub fn cookie(&self, browser: &BrowserSecret) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        let (name, age) = (self.name(), LIFETIME.num_seconds());
        format!("{name}={}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}", browser.0)
    }

    /// `state` of the attempt.
    pub fn seal(&self, attempt: &Attempt, browser: &BrowserSecret) -> String {
        let plain = serde_json::to_vec(attempt).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(self.sealer.seal(&self.ambient, &context(browser), &plain))
    }

    /// `None` for what this browser has not begun, or too long ago.
    pub fn open(&self, state: &str, browser: &BrowserSecret, now: DateTime<Utc>) -> Option<Attempt> {
        let sealed = URL_SAFE_NO_PAD.decode(state).ok()?;
        let attempt: Attempt = serde_json::from_slice(&self.sealer.open(&context(browser), &sealed).ok()?).ok()?;
        (now.timestamp() < attempt.until).then_some(attempt)
    }

    fn name(&self) -> &'static str {
        if self.secure { HOST_COOKIE } else { COOKIE }
    }
}

fn context(browser: &BrowserSecret) -> Vec<u8> {
    [CONTEXT, &sha256(&[browser.0.as_bytes()])].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::header;

    fn headers(cookie: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::COOKIE, cookie.parse().unwrap())])
    }

    fn attempts() -> (Attempts, Ambient) {
        let ambient = Ambient::test(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        (Attempts::new(Sealer::new(&[7; 32]), ambient.clone(), "https://auth.test"), ambient)
    }

    #[test]
    fn an_attempt_is_of_one_browser_and_ten_minutes() {
        let (attempts, ambient) = attempts();
        let (own, other) = (attempts.browser(&HeaderMap::new()), attempts.browser(&HeaderMap::new()));
        let attempt = attempts.begin(ambient.uuid(), 3, "https://app.test/".into());
        let state = attempts.seal(&attempt, &own);
        let open = |browser| attempts.open(&state, browser, ambient.now());
        assert_eq!((open(&own), open(&other)), (Some(attempt.clone()), None));
        assert_eq!(attempts.open(&state[1..], &own, ambient.now()), None);
        assert_ne!(attempt.verifier(&own), attempt.verifier(&other));
        assert_ne!(attempt.nonce(&own), attempt.verifier(&own));
        assert_eq!(attempt.verifier(&own).len(), 43);
        ambient.advance(LIFETIME);
        assert_eq!(attempts.open(&state, &own, ambient.now()), None);
    }

    #[test]
    fn a_browser_keeps_its_secret() {
        let (attempts, _) = attempts();
        let cookie = attempts.cookie(&attempts.browser(&HeaderMap::new()));
        assert!(
            cookie.starts_with("__Host-identity_sign_in=") && cookie.ends_with("; SameSite=Lax; Secure"),
            "{cookie}"
        );
        let pair = cookie.split(';').next().unwrap();
        assert_eq!(attempts.cookie(&attempts.browser(&headers(pair))), cookie);
        for foreign in ["__Host-identity_sign_in=short", "identity_sign_in=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
        {
            assert!(attempts.known_browser(&headers(foreign)).is_none(), "{foreign}");
        }
    }

    /// Providers limit `state`; our own takes 1000 characters.
    #[test]
    fn a_state_is_short() {
        let (attempts, ambient) = attempts();
        let longest = "x".repeat(super::super::sign_in::LONGEST_RETURN_TO);
        let attempt = attempts.begin(ambient.uuid(), i32::MAX, longest);
        assert!(attempts.seal(&attempt, &attempts.browser(&HeaderMap::new())).len() <= 1000);
    }
}
