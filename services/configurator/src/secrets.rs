//! Sealing of secrets that lie in the database, each bound to its instance and its purpose.

use common::{ambient::Ambient, problem::Problem, sealing};
use contracts::id::InstanceId;
use secrecy::SecretString;

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
pub struct Sealer(sealing::Sealer);

/// The key is another one, or the row was tampered with.
#[derive(Debug, thiserror::Error)]
#[error("a {purpose:?} of instance {instance} does not open")]
pub struct Unreadable {
    instance: InstanceId,
    purpose: Purpose,
}

impl From<Unreadable> for Problem {
    fn from(error: Unreadable) -> Self {
        Self::internal(&error)
    }
}

impl Sealer {
    pub fn new(key: &[u8; 32]) -> Self {
        Self(sealing::Sealer::new(key))
    }

    /// Form, then what was sealed.
    pub fn seal(&self, ambient: &Ambient, instance: InstanceId, purpose: Purpose, secret: &str) -> Vec<u8> {
        let sealed = self.0.seal(ambient, &binding(instance, purpose), secret.as_bytes());
        [&[FORM], &sealed[..]].concat()
    }

    pub fn open(&self, instance: InstanceId, purpose: Purpose, sealed: &[u8]) -> Result<SecretString, Unreadable> {
        self.try_open(instance, purpose, sealed).ok_or(Unreadable { instance, purpose })
    }

    fn try_open(&self, instance: InstanceId, purpose: Purpose, sealed: &[u8]) -> Option<SecretString> {
        let opened = self.0.open(&binding(instance, purpose), sealed.strip_prefix(&[FORM])?).ok()?;
        Some(String::from_utf8(opened).ok()?.into())
    }
}

fn binding(instance: InstanceId, purpose: Purpose) -> Vec<u8> {
    format!("{instance}:{purpose:?}").into_bytes()
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
