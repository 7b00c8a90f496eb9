//! Encryption of secrets that lie in a database: AES-256-GCM (NIST SP 800-38D), bound to where they belong.

use crate::{ambient::Ambient, config::Env};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use std::sync::Arc;

/// Seals under one key, and opens under that and those before it; cheap to clone.
#[derive(Clone)]
pub struct Sealer(Arc<Keys>);

struct Keys {
    newest: LessSafeKey,
    previous: Vec<LessSafeKey>,
}

/// The key or the context is another one, or the bytes are not as they were sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value was sealed under another key or for another place, or it was tampered with")]
pub struct Unopened;

impl Sealer {
    pub fn new(key: &[u8; 32]) -> Self {
        Self::with_previous(key, &[])
    }

    /// Opens under each of these keys, and seals under `newest`.
    pub fn with_previous(newest: &[u8; 32], previous: &[[u8; 32]]) -> Self {
        Self(Arc::new(Keys { newest: aead(newest), previous: previous.iter().map(aead).collect() }))
    }

    /// Reads the newest key from the variable of that name, and those before it from another one.
    pub fn read(env: &mut Env, newest: &str, previous: &str) -> Option<Self> {
        let newest = env.key(newest);
        let previous = env
            .explain("Keys that were used before, comma-separated: what is sealed under them still opens.")
            .keys(previous);
        Some(Self::with_previous(&newest?, &previous?))
    }

    /// Whether anything may be sealed under a key that is not the newest.
    pub fn has_previous(&self) -> bool {
        !self.0.previous.is_empty()
    }

    /// A random nonce, then the ciphertext with its tag; it opens only under the same key and `context`, such as the id
    /// of its row.
    pub fn seal(&self, ambient: &Ambient, context: &[u8], plain: &[u8]) -> Vec<u8> {
        let nonce = ambient.bytes::<NONCE_LEN>();
        let mut text = plain.to_vec();
        let sealed =
            self.0.newest.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context), &mut text);
        sealed.expect("sealing fails only for texts of gigabytes");
        [&nonce[..], &text].concat()
    }

    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Unopened> {
        let keys = std::iter::once(&self.0.newest).chain(&self.0.previous);
        keys.into_iter().find_map(|key| open(key, context, sealed)).ok_or(Unopened)
    }

    /// The same under the newest key; `None` if it is sealed under that already.
    pub fn reseal(&self, ambient: &Ambient, context: &[u8], sealed: &[u8]) -> Result<Option<Vec<u8>>, Unopened> {
        if open(&self.0.newest, context, sealed).is_some() {
            return Ok(None);
        }
        Ok(Some(self.seal(ambient, context, &self.open(context, sealed)?)))
    }
}

fn aead(key: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("the key is as long as the type says"))
}

fn open(key: &LessSafeKey, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>()?;
    let mut text = text.to_vec();
    let plain = key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(context), &mut text).ok()?;
    Some(plain.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_opens_only_under_its_key_and_context_and_unchanged() {
        let ambient = Ambient::system();
        let sealer = Sealer::new(&[7; 32]);
        let sealed = sealer.seal(&ambient, b"row 1", b"secret");
        assert_eq!(sealer.open(b"row 1", &sealed).unwrap(), b"secret");
        assert_ne!(sealer.seal(&ambient, b"row 1", b"secret"), sealed);
        assert!(sealer.open(b"row 2", &sealed).is_err());
        assert!(Sealer::new(&[8; 32]).open(b"row 1", &sealed).is_err());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(sealer.open(b"row 1", &changed).is_err() && sealer.open(b"row 1", &sealed[..at]).is_err());
        }
    }

    #[test]
    fn what_is_sealed_under_a_previous_key_opens_until_that_key_is_gone() {
        let ambient = Ambient::system();
        let (old, both, new) =
            (Sealer::new(&[1; 32]), Sealer::with_previous(&[2; 32], &[[0; 32], [1; 32]]), Sealer::new(&[2; 32]));
        let sealed = old.seal(&ambient, b"row", b"secret");
        assert_eq!(both.open(b"row", &sealed).unwrap(), b"secret");
        assert!(old.open(b"row", &both.seal(&ambient, b"row", b"secret")).is_err(), "it seals under the newest");
        let resealed = both.reseal(&ambient, b"row", &sealed).unwrap().unwrap();
        assert_eq!(new.open(b"row", &resealed).unwrap(), b"secret");
        assert_eq!(both.reseal(&ambient, b"row", &resealed), Ok(None));
        assert_eq!(both.reseal(&ambient, b"another row", &sealed), Err(Unopened));
        assert_eq!(new.reseal(&ambient, b"row", &sealed), Err(Unopened));
    }

    #[test]
    fn previous_keys_are_optional_secrets_in_a_list() {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let key = |byte| STANDARD.encode([byte; 32]);
        let read = |previous: String| {
            let mut env = Env::new([("KEY".into(), key(2)), ("PREVIOUS".into(), previous)]);
            let sealer = Sealer::read(&mut env, "KEY", "PREVIOUS");
            env.finish(sealer).map_err(|faults| faults.to_string())
        };
        assert!(!read(String::new()).unwrap().has_previous());
        let sealed = Sealer::new(&[1; 32]).seal(&Ambient::system(), b"", b"secret");
        assert!(read(format!("{}, {}", key(0), key(1))).unwrap().open(b"", &sealed).is_ok());
        let fault = read(format!("{},short", key(0))).err().unwrap();
        assert!(fault.contains("each of PREVIOUS must be 32 bytes in base64") && !fault.contains("short"), "{fault}");
    }

    /// What an earlier version sealed still opens: test case 14 of the GCM specification (McGrew, Viega).
    #[test]
    fn the_form_is_nonce_ciphertext_tag() {
        let text = hex::decode("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919").unwrap();
        let sealed = [&[0; NONCE_LEN][..], &text].concat();
        assert_eq!(Sealer::new(&[0; 32]).open(b"", &sealed).unwrap(), [0; 16]);
    }
}
