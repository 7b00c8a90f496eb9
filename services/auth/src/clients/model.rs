//! The platform's own clients: does the secret belong to the client?

use crate::opaque::{HASH_LEN, sha256};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use std::str::FromStr;

/// The platform's own services with the hashes of their secrets, `id:<sha256 hex>,…`.
/// A client may be there twice, with an old and a new secret, while its secret is being changed.
#[derive(Clone)]
pub struct PlatformClients(Vec<(String, [u8; HASH_LEN])>);

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("must be id:<sha256 of the secret in hex>,…, with ids of lower-case letters, digits and '-'")]
pub struct Malformed;

impl PlatformClients {
    /// Every client that there is.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(client, _)| client.as_str())
    }

    /// Takes the same time whichever byte is wrong, and whether or not there is such a client.
    /// The secrets are random and long, so a fast hash of them is enough.
    pub fn know(&self, id: &str, secret: &str) -> bool {
        let shown = sha256(&[secret.as_bytes()]);
        self.0.iter().fold(false, |known, (client, hash)| {
            known | (verify_slices_are_equal(hash, &shown).is_ok() & (client == id))
        })
    }
}

impl FromStr for PlatformClients {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        entries
            .map(|entry| {
                entry.split_once(':').and_then(|(id, hash)| Some((client_id(id)?, from_hex(hash)?))).ok_or(Malformed)
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn client_id(id: &str) -> Option<String> {
    let sound = !id.is_empty() && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    sound.then(|| id.to_owned())
}

fn from_hex(text: &str) -> Option<[u8; HASH_LEN]> {
    let mut hash = [0; HASH_LEN];
    hex::decode_to_slice(text, &mut hash).ok().map(|()| hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the word `secret`.
    const HASH: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

    #[test]
    fn a_client_is_known_by_its_own_secrets_only() {
        let other = "0".repeat(64);
        let clients: PlatformClients = format!("worker:{other},worker:{HASH}, forum:{other}").parse().unwrap();
        assert!(clients.know("worker", "secret"));
        assert!(!clients.know("worker", "Secret"));
        assert!(!clients.know("forum", "secret"));
        assert!(!clients.know("ghost", "secret"));
    }

    #[test]
    fn malformed_entries_are_refused() {
        for text in [
            "worker",
            "worker:12",
            ":",
            &format!(":{HASH}"),
            &format!("Worker:{HASH}"),
            &format!("worker:+{}", &HASH[1..].replace('2', "+")),
        ] {
            assert_eq!(text.parse::<PlatformClients>().err(), Some(Malformed), "{text}");
        }
    }
}
