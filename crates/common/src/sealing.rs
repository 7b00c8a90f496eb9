//! Encryption of secrets that lie in a database: AES-256-GCM (NIST SP 800-38D), bound to where they belong.

use crate::ambient::Ambient;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use std::sync::Arc;

/// Seals and opens under one key; cheap to clone.
#[derive(Clone)]
pub struct Sealer(Arc<LessSafeKey>);

/// The key or the context is another one, or the bytes are not as they were sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value was sealed under another key or for another place, or it was tampered with")]
pub struct Unopened;

impl Sealer {
    pub fn new(key: &[u8; 32]) -> Self {
        Self(Arc::new(LessSafeKey::new(
            UnboundKey::new(&AES_256_GCM, key).expect("the key is as long as the type says"),
        )))
    }

    /// A random nonce, then the ciphertext with its tag; it opens only under the same key and `context`, such as the id
    /// of its row.
    pub fn seal(&self, ambient: &Ambient, context: &[u8], plain: &[u8]) -> Vec<u8> {
        let nonce = ambient.bytes::<NONCE_LEN>();
        let mut text = plain.to_vec();
        let sealed =
            self.0.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context), &mut text);
        sealed.expect("sealing fails only for texts of gigabytes");
        [&nonce[..], &text].concat()
    }

    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Unopened> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(Unopened)?;
        let mut text = text.to_vec();
        let plain = self
            .0
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(context), &mut text)
            .map_err(|_| Unopened)?;
        Ok(plain.to_vec())
    }
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

    /// What an earlier version sealed still opens: test case 14 of the GCM specification (McGrew, Viega).
    #[test]
    fn the_form_is_nonce_ciphertext_tag() {
        let text = hex::decode("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919").unwrap();
        let sealed = [&[0; NONCE_LEN][..], &text].concat();
        assert_eq!(Sealer::new(&[0; 32]).open(b"", &sealed).unwrap(), [0; 16]);
    }
}
