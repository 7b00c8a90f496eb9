//! How do secrets lie in the database? Sealed with AES-256-GCM (NIST SP 800-38D), each bound to its instance and its purpose.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use common::ambient::Ambient;
use contracts::id::InstanceId;
use secrecy::SecretString;
use std::sync::Arc;

/// First byte of every ciphertext, so that a later form can be told from this one.
const FORM: u8 = 1;

/// What a secret is for; a ciphertext does not open as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    OwnerPassword,
    AppPassword,
    SetupCode,
}

/// Seals and opens secrets under one key; cheap to clone.
#[derive(Clone)]
pub struct Sealer(Arc<LessSafeKey>);

/// The key is another one, or the row was tampered with.
#[derive(Debug, thiserror::Error)]
#[error("a {purpose:?} of instance {instance} does not open")]
pub struct Unreadable {
    instance: InstanceId,
    purpose: Purpose,
}

impl Sealer {
    pub fn new(key: &[u8; 32]) -> Self {
        Self(Arc::new(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("the key is as long as the type says"))))
    }

    /// Form, nonce, ciphertext with tag.
    pub fn seal(&self, ambient: &Ambient, instance: InstanceId, purpose: Purpose, secret: &str) -> Vec<u8> {
        let nonce = ambient.bytes::<NONCE_LEN>();
        let mut text = secret.as_bytes().to_vec();
        let sealed = self.0.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), binding(instance, purpose), &mut text);
        sealed.expect("sealing fails only for texts of gigabytes");
        [&[FORM], nonce.as_slice(), &text].concat()
    }

    pub fn open(&self, instance: InstanceId, purpose: Purpose, sealed: &[u8]) -> Result<SecretString, Unreadable> {
        self.try_open(instance, purpose, sealed).ok_or(Unreadable { instance, purpose })
    }

    fn try_open(&self, instance: InstanceId, purpose: Purpose, sealed: &[u8]) -> Option<SecretString> {
        let (nonce, text) = sealed.strip_prefix(&[FORM])?.split_first_chunk::<NONCE_LEN>()?;
        let mut text = text.to_vec();
        let opened = self.0.open_in_place(Nonce::assume_unique_for_key(*nonce), binding(instance, purpose), &mut text).ok()?;
        Some(std::str::from_utf8(opened).ok()?.into())
    }
}

fn binding(instance: InstanceId, purpose: Purpose) -> Aad<Vec<u8>> {
    Aad::from(format!("{instance}:{purpose:?}").into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn a_secret_opens_only_where_it_belongs() {
        let ambient = Ambient::system();
        let (ours, other) = (InstanceId(ambient.uuid()), InstanceId(ambient.uuid()));
        let sealer = Sealer::new(&[7; 32]);
        let sealed = sealer.seal(&ambient, ours, Purpose::AppPassword, "tell nobody");
        assert_eq!(sealer.open(ours, Purpose::AppPassword, &sealed).unwrap().expose_secret(), "tell nobody");
        assert_ne!(sealed, sealer.seal(&ambient, ours, Purpose::AppPassword, "tell nobody"));
        assert!(sealer.open(other, Purpose::AppPassword, &sealed).is_err());
        assert!(sealer.open(ours, Purpose::OwnerPassword, &sealed).is_err());
        assert!(Sealer::new(&[8; 32]).open(ours, Purpose::AppPassword, &sealed).is_err());
        for length in 0..sealed.len() {
            assert!(sealer.open(ours, Purpose::AppPassword, &sealed[..length]).is_err());
        }
    }
}
