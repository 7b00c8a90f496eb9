//! The keyring, which signs tokens with the current Ed25519 key (RFC 8037), made when the first process ever needs it.

use super::store::{self, State, StoredKey};
use crate::opaque::sha256;
use access::token::{Claims, TOKEN_TYPE};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use common::{
    ambient::Ambient,
    db::Db,
    problem::Problem,
    sealing::{Sealer, Unopened},
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Serialize, de::DeserializeOwned};
use std::sync::Arc;
use tokio::sync::OnceCell;

/// Signs access tokens; cheap to clone.
#[derive(Clone)]
pub struct Keyring(Arc<Inner>);

struct Inner {
    db: Db,
    sealer: Sealer,
    ambient: Ambient,
    keys: OnceCell<Keys>,
}

struct Keys {
    header: Header,
    signing: EncodingKey,
    /// Key id and public key of every key that still verifies.
    public: Vec<(String, Vec<u8>)>,
}

/// A public key (RFC 7517, RFC 8037 §2).
#[derive(serde::Serialize, utoipa::ToSchema)]
pub struct Jwk {
    #[schema(example = "OKP")]
    kty: &'static str,
    #[schema(example = "Ed25519")]
    crv: &'static str,
    #[schema(example = "EdDSA")]
    alg: &'static str,
    #[serde(rename = "use")]
    #[schema(example = "sig")]
    usage: &'static str,
    kid: String,
    /// The public key in base64url.
    x: String,
}

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the signing keys cannot be read or written")]
    Database(#[from] sqlx::Error),
    #[error("the signing keys cannot be decrypted: KEY_ENCRYPTION_KEY is not the one they were made under")]
    Sealed(#[from] Unopened),
    #[error("a signing key cannot be made")]
    Generate,
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Database(error) => error.into(),
            other => Self::internal(&other),
        }
    }
}

impl Keyring {
    pub fn new(db: Db, sealer: Sealer, ambient: Ambient) -> Self {
        Self(Arc::new(Inner { db, sealer, ambient, keys: OnceCell::new() }))
    }

    /// Reads the keys, making the first; an error leaves it to the next call.
    pub async fn load(&self) -> Result<(), KeyError> {
        self.keys().await.map(drop)
    }

    /// Every public key that tokens may be verified with.
    pub async fn public(&self) -> Result<Vec<Jwk>, KeyError> {
        let jwk = |(kid, public): &(String, Vec<u8>)| Jwk {
            kty: "OKP",
            crv: "Ed25519",
            alg: "EdDSA",
            usage: "sig",
            kid: kid.clone(),
            x: URL_SAFE_NO_PAD.encode(public),
        };
        Ok(self.keys().await?.public.iter().map(jwk).collect())
    }

    /// An access token that says `claims` (RFC 9068).
    pub async fn sign(&self, claims: &Claims) -> Result<String, Problem> {
        self.sign_as(TOKEN_TYPE, claims).await
    }

    /// A token of this `typ` that says `claims`.
    pub async fn sign_as<T: Serialize>(&self, typ: &str, claims: &T) -> Result<String, Problem> {
        let keys = self.keys().await?;
        let header = Header { typ: Some(typ.to_owned()), ..keys.header.clone() };
        jsonwebtoken::encode(&header, claims, &keys.signing).map_err(|error| Problem::internal(&error))
    }

    /// What a token of this `typ` says that one of our keys has signed, for whomever it is and however old.
    pub async fn claims<T: DeserializeOwned>(&self, typ: &str, token: &str) -> Result<Option<T>, Problem> {
        let header = jsonwebtoken::decode_header(token).ok();
        let header = header.filter(|header| {
            header.typ.as_deref() == Some(typ) && header.alg == Algorithm::EdDSA && header.crit.is_none()
        });
        let Some(kid) = header.and_then(|header| header.kid) else { return Ok(None) };
        let keys = self.keys().await?;
        let Some((_, public)) = keys.public.iter().find(|(known, _)| *known == kid) else { return Ok(None) };
        let mut validation = Validation::new(Algorithm::EdDSA);
        (validation.validate_exp, validation.validate_aud) = (false, false);
        validation.required_spec_claims.clear();
        let decoded = jsonwebtoken::decode::<T>(token, &DecodingKey::from_ed_der(public), &validation);
        Ok(decoded.ok().map(|data| data.claims))
    }

    async fn keys(&self) -> Result<&Keys, KeyError> {
        self.0.keys.get_or_try_init(|| self.read()).await
    }

    async fn read(&self) -> Result<Keys, KeyError> {
        let Inner { db, sealer, ambient, .. } = &*self.0;
        let mut tx = db.begin_tenantless().await?;
        store::lock(&mut tx).await?;
        let mut stored = store::all(&mut tx).await?;
        if !stored.iter().any(|key| key.state == State::Current) {
            let first = generate(ambient, sealer)?;
            store::insert(&mut tx, &first, ambient.now()).await?;
            tracing::info!(kid = first.kid, "A signing key was made");
            stored.push(first);
        }
        tx.commit().await?;
        let current = stored.iter().find(|key| key.state == State::Current).ok_or(KeyError::Generate)?;
        let private = sealer.open(current.kid.as_bytes(), &current.sealed_private_key)?;
        Ok(Keys {
            header: Header {
                typ: Some(TOKEN_TYPE.into()),
                kid: Some(current.kid.clone()),
                ..Header::new(Algorithm::EdDSA)
            },
            signing: EncodingKey::from_ed_der(&private),
            public: stored.into_iter().map(|key| (key.kid, key.public_key)).collect(),
        })
    }
}

fn generate(ambient: &Ambient, sealer: &Sealer) -> Result<StoredKey, KeyError> {
    let pair = Ed25519KeyPair::from_seed_unchecked(&ambient.bytes::<32>()).map_err(|_| KeyError::Generate)?;
    let public_key = pair.public_key().as_ref().to_vec();
    let kid = thumbprint(&public_key);
    let private = pair.to_pkcs8v1().map_err(|_| KeyError::Generate)?;
    let sealed_private_key = sealer.seal(ambient, kid.as_bytes(), private.as_ref());
    Ok(StoredKey { kid, public_key, sealed_private_key, state: State::Current })
}

/// The key's JWK thumbprint (RFC 7638, RFC 8037 §2).
fn thumbprint(public_key: &[u8]) -> String {
    let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, URL_SAFE_NO_PAD.encode(public_key));
    URL_SAFE_NO_PAD.encode(sha256(&[jwk.as_bytes()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_named_by_its_thumbprint() {
        // The example of RFC 8037, appendix A.3.
        let public = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        assert_eq!(thumbprint(&public), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn private_keys_open_only_under_the_key_encryption_key() {
        let sealer = Sealer::new(&[1; 32]);
        let key = generate(&Ambient::system(), &sealer).unwrap();
        assert!(sealer.open(key.kid.as_bytes(), &key.sealed_private_key).is_ok());
        assert!(Sealer::new(&[2; 32]).open(key.kid.as_bytes(), &key.sealed_private_key).is_err());
    }
}
