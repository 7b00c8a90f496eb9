//! An app that is not ours: a client of OAuth 2.1 and OpenID Connect, which knows of us what discovery says.

use super::{
    browser::sent_to,
    guide::Guide,
    http::{Answer, Call, text},
    jwt,
    sessions::Session,
};
use anyhow::{Context, Result, ensure};
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::{Method, Url};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub const NAME: &str = "Planner";
pub const CALLBACK: &str = "https://planner.test/signed-in";
pub const SCOPE: &str = "email openid";

/// With what it keeps of the one sign-in that is under way.
pub struct Planner<'a> {
    guide: &'a Guide,
    id: String,
    secret: String,
    provider: Value,
    state: String,
    nonce: String,
    verifier: String,
}

impl<'a> Planner<'a> {
    pub async fn register(guide: &'a Guide, owner: &Session) -> Result<Self> {
        let client = json!({ "name": NAME, "redirect_uris": [CALLBACK], "scope": SCOPE });
        let made = guide.post("auth", "/v1/clients").bearer(&owner.token).json(&client).expect(201).await?;
        let random = || BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        Ok(Self {
            guide,
            id: text(&made, "/client/id")?.to_owned(),
            secret: text(&made, "/secret/secret")?.to_owned(),
            provider: guide.get("auth", "/.well-known/openid-configuration").expect(200).await?,
            // With what an address must escape.
            state: format!("tea & cake? {}", random()),
            nonce: random(),
            verifier: random(),
        })
    }

    /// Where it sends the browser, to have the answer at `redirect_uri`; with PKCE (RFC 7636).
    pub fn address(&self, redirect_uri: &str) -> Result<String> {
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, self.verifier.as_bytes()));
        let query = [
            ("client_id", &*self.id),
            ("response_type", "code"),
            ("redirect_uri", redirect_uri),
            ("scope", SCOPE),
            ("state", &self.state),
            ("nonce", &self.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        Ok(Url::parse_with_params(text(&self.provider, "/authorization_endpoint")?, query)?.into())
    }

    /// The code out of the address to which a browser is led back. An answer to another request, or of another
    /// provider, is an error (RFC 9207).
    pub fn code(&self, answer: &Answer) -> Result<String> {
        let location = sent_to(answer)?;
        ensure!(location.starts_with(&format!("{CALLBACK}?")), "{location} is not the app's");
        let told: BTreeMap<_, _> = Url::parse(location)?.query_pairs().into_owned().collect();
        let says = |name: &str| told.get(name).map(String::as_str);
        ensure!(
            says("state") == Some(&*self.state) && says("iss") == self.provider["issuer"].as_str(),
            "{location} has another state or iss"
        );
        says("code").map(str::to_owned).with_context(|| format!("{location} has no code"))
    }

    pub async fn exchange(&self, code: &str) -> Result<Answer> {
        self.exchange_by(code, &self.verifier).await
    }

    pub async fn exchange_by(&self, code: &str, verifier: &str) -> Result<Answer> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", verifier),
            ("client_id", &*self.id),
            ("client_secret", &*self.secret),
        ];
        self.call(Method::POST, "/token_endpoint")?.form(&form).send().await
    }

    /// Checks signature, issuer, audience and nonce of the ID token (OpenID Connect Core §3.1.3.7); gives whom it is
    /// about.
    pub async fn signed_in(&self, tokens: &Value) -> Result<Value> {
        let jwks = self.call(Method::GET, "/jwks_uri")?.expect(200).await?;
        let claims = jwt::verified(text(tokens, "/id_token")?, &jwks)?;
        let expected = [("iss", &self.provider["issuer"]), ("aud", &json!(self.id)), ("nonce", &json!(self.nonce))];
        for (claim, expected) in expected {
            ensure!(claims[claim] == *expected, "the ID token's {claim} is not {expected}: {claims}");
        }
        Ok(claims["sub"].clone())
    }

    pub fn userinfo(&self, token: &str) -> Result<Call> {
        Ok(self.call(Method::GET, "/userinfo_endpoint")?.bearer(token))
    }

    fn call(&self, method: Method, endpoint: &str) -> Result<Call> {
        Ok(Call::new(&self.guide.http, method, text(&self.provider, endpoint)?))
    }
}
