//! A pair of Ed25519 keys (RFC 8037), and its public half as others see it.

use super::store::{State, StoredKey};
use crate::opaque::sha256;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use common::{ambient::Ambient, sealing::Sealer};

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

impl Jwk {
    pub fn new(kid: &str, public_key: &[u8]) -> Self {
        let (kid, x) = (kid.to_owned(), URL_SAFE_NO_PAD.encode(public_key));
        Self { kty: "OKP", crv: "Ed25519", alg: "EdDSA", usage: "sig", kid, x }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a signing key cannot be made")]
pub struct NotMade;

/// A new pair, its private key sealed.
pub fn generate(ambient: &Ambient, sealer: &Sealer, state: State, since: DateTime<Utc>) -> Result<StoredKey, NotMade> {
    let pair = Ed25519KeyPair::from_seed_unchecked(&ambient.bytes::<32>()).map_err(|_| NotMade)?;
    let public_key = pair.public_key().as_ref().to_vec();
    let kid = thumbprint(&public_key);
    let private = pair.to_pkcs8v1().map_err(|_| NotMade)?;
    let sealed_private_key = sealer.seal(ambient, kid.as_bytes(), private.as_ref());
    Ok(StoredKey { kid, public_key, sealed_private_key, state, since })
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
        let (sealer, ambient) = (Sealer::new(&[1; 32]), Ambient::system());
        let key = generate(&ambient, &sealer, State::Next, ambient.now()).unwrap();
        assert!(sealer.open(key.kid.as_bytes(), &key.sealed_private_key).is_ok());
        assert!(Sealer::new(&[2; 32]).open(key.kid.as_bytes(), &key.sealed_private_key).is_err());
    }
}
