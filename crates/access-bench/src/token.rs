//! Who signs the benchmark's token? A key made at start, published like auth's.

use anyhow::Result;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use common::{
    ambient::Ambient,
    token::{Claims, TOKEN_TYPE},
};
use contracts::id::{SessionId, TenantId, UserId};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use serde_json::{Value, json};

const KEY_ID: &str = "bench";

pub struct Issuer {
    pair: Ed25519KeyPair,
    url: String,
    ambient: Ambient,
}

impl Issuer {
    pub fn new(url: &str, ambient: &Ambient) -> Result<Self> {
        Ok(Self { pair: Ed25519KeyPair::generate()?, url: url.to_owned(), ambient: ambient.clone() })
    }

    fn public_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.pair.public_key().as_ref())
    }

    pub fn decoding_key(&self) -> Result<DecodingKey> {
        Ok(DecodingKey::from_ed_components(&self.public_key())?)
    }

    pub fn jwks(&self) -> Value {
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": KEY_ID, "x": self.public_key()}]})
    }

    /// A token of an hour, of the size that auth's tokens have.
    pub fn sign(&self, tenant: TenantId, user: UserId, session: SessionId) -> Result<String> {
        let now = self.ambient.now().timestamp();
        let claims = Claims {
            iss: self.url.clone(),
            aud: "sevenleague".into(),
            sub: user.to_string(),
            tid: Some(tenant),
            sid: Some(session),
            client_id: "web".into(),
            iat: now,
            exp: now + 3600,
            jti: self.ambient.uuid().to_string(),
            auth_time: Some(now),
            amr: vec!["pwd".into()],
        };
        let header = Header { typ: Some(TOKEN_TYPE.into()), kid: Some(KEY_ID.into()), ..Header::new(Algorithm::EdDSA) };
        Ok(jsonwebtoken::encode(&header, &claims, &EncodingKey::from_ed_der(self.pair.to_pkcs8v1()?.as_ref()))?)
    }
}
