//! How is a secret kept that only its holder may know? Tokens as a hash, keys and tokens of ours encrypted.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
};
use common::ambient::Ambient;

pub const HASH_LEN: usize = 32;

/// A token as its holder has it: 256 random bits in base64url. It is stored only as its hash.
#[derive(Clone)]
pub struct OpaqueToken(String);

impl OpaqueToken {
    pub fn new(ambient: &Ambient) -> Self {
        Self(ambient.token())
    }

    /// The token that a caller has shown.
    pub fn shown(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is stored. A plain hash is enough: nobody guesses 256 random bits.
    pub fn hash(&self) -> [u8; HASH_LEN] {
        sha256(&[self.0.as_bytes()])
    }

    /// Whether this is the token whose hash was stored; takes the same time whichever byte is wrong.
    pub fn matches(&self, stored: &[u8]) -> bool {
        verify_slices_are_equal(&self.hash(), stored).is_ok()
    }

    /// Encrypts what only the holder of this token may read back.
    pub fn sealer(&self) -> Sealer {
        Sealer::new(sha256(&[b"sevenleague refresh child", self.0.as_bytes()]))
    }
}

/// AES-256-GCM with a random nonce in front.
#[derive(Clone)]
pub struct Sealer([u8; 32]);

#[derive(Debug, thiserror::Error)]
#[error("the value was encrypted under another key")]
pub struct NotOurs;

impl Sealer {
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// Encrypts `plain` so that it opens only under the same key and `context`.
    pub fn seal(&self, ambient: &Ambient, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, NotOurs> {
        let nonce = ambient.bytes::<NONCE_LEN>();
        let mut sealed = plain.to_vec();
        self.key()?.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context), &mut sealed).map_err(|_| NotOurs)?;
        Ok([&nonce[..], &sealed].concat())
    }

    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, NotOurs> {
        let (nonce, rest) = sealed.split_at_checked(NONCE_LEN).ok_or(NotOurs)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| NotOurs)?;
        let mut rest = rest.to_vec();
        let plain = self.key()?.open_in_place(nonce, Aad::from(context), &mut rest).map_err(|_| NotOurs)?;
        Ok(plain.to_vec())
    }

    fn key(&self) -> Result<LessSafeKey, NotOurs> {
        UnboundKey::new(&AES_256_GCM, &self.0).map(LessSafeKey::new).map_err(|_| NotOurs)
    }
}

/// SHA-256 of the parts, one after the other.
pub fn sha256(parts: &[&[u8]]) -> [u8; HASH_LEN] {
    let mut hash = [0; HASH_LEN];
    hash.copy_from_slice(digest(&SHA256, &parts.concat()).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_values_open_only_under_their_key_and_context() {
        let ambient = Ambient::system();
        let sealer = Sealer::new([7; 32]);
        let sealed = sealer.seal(&ambient, b"kid", b"secret").unwrap();
        assert_eq!(sealer.open(b"kid", &sealed).unwrap(), b"secret");
        assert!(sealer.open(b"other", &sealed).is_err());
        assert!(Sealer::new([8; 32]).open(b"kid", &sealed).is_err());
        assert!(sealer.open(b"kid", &sealed[..5]).is_err());
        assert_ne!(sealer.seal(&ambient, b"kid", b"secret").unwrap(), sealed);
    }

    #[test]
    fn a_token_is_not_its_hash() {
        let token = OpaqueToken::new(&Ambient::system());
        assert_eq!(token.hash(), OpaqueToken::shown(token.expose()).hash());
        assert!(token.matches(&token.hash()) && !token.matches(&[]));
        assert_ne!(token.hash(), OpaqueToken::new(&Ambient::system()).hash());
    }
}
