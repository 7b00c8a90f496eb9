//! API keys, `slk_<id>_<secret><crc>`. The checksum recognises a mistyped one, and lets secret scanners recognise a
//! lost one.

use aws_lc_rs::digest::{SHA256, digest};
use contracts::id::ApiKeyId;
use std::str::FromStr;

/// No access token begins so: a JWT begins with `ey`.
const PREFIX: &str = "slk_";
const ID_DIGITS: usize = 32;
const SECRET_BYTES: usize = 32;
/// CRC-32 (IEEE 802.3) of everything before it, in hex like the id and the secret.
const CRC_DIGITS: usize = 8;
/// Of a whole key, in bytes.
pub const API_KEY_LENGTH: usize = PREFIX.len() + ID_DIGITS + 1 + 2 * SECRET_BYTES + CRC_DIGITS;

/// A key as its holder has it. It is stored only as its hash.
#[derive(Clone)]
pub struct ApiKey {
    id: ApiKeyId,
    text: String,
}

#[derive(Debug, thiserror::Error)]
#[error("an API key is written slk_<id>_<secret><crc>")]
pub struct NotAnApiKey;

impl ApiKey {
    pub fn new(id: ApiKeyId, secret: [u8; SECRET_BYTES]) -> Self {
        let mut text = format!("{PREFIX}{}_{}", id.0.simple(), hex::encode(secret));
        text.push_str(&crc(&text));
        Self { id, text }
    }

    /// Whether the text claims to be a key, be it sound or not.
    pub fn is_meant_by(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// The keys in a text, and where each begins. What only looks like one is told from it by the checksum.
    pub fn find_in(text: &str) -> impl Iterator<Item = (usize, Self)> {
        let begins = text.match_indices(PREFIX).map(|(at, _)| at);
        begins.filter_map(|at| Some((at, text.get(at..at + API_KEY_LENGTH)?.parse().ok()?)))
    }

    pub fn id(&self) -> ApiKeyId {
        self.id
    }

    pub fn expose(&self) -> &str {
        &self.text
    }

    /// What is stored. A plain SHA-256 is enough: nobody guesses 256 random bits.
    pub fn hash(&self) -> [u8; 32] {
        sha256(&self.text)
    }
}

impl FromStr for ApiKey {
    type Err = NotAnApiKey;
    fn from_str(text: &str) -> Result<Self, NotAnApiKey> {
        let id = id(text).ok_or(NotAnApiKey)?;
        Ok(Self { id, text: text.to_owned() })
    }
}

fn id(text: &str) -> Option<ApiKeyId> {
    let (body, shown_crc) = text.split_at_checked(text.len().checked_sub(CRC_DIGITS)?)?;
    let (id, secret) = body.strip_prefix(PREFIX)?.split_once('_')?;
    let sound = id.len() == ID_DIGITS
        && secret.len() == 2 * SECRET_BYTES
        && is_hex(id)
        && is_hex(secret)
        && crc(body) == shown_crc;
    if sound { id.parse().ok() } else { None }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn crc(text: &str) -> String {
    format!("{:08x}", crc32fast::hash(text.as_bytes()))
}

/// SHA-256 of `text`, by which tokens and keys are remembered.
pub(super) fn sha256(text: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::ambient::Ambient;

    #[test]
    fn a_key_reads_back_as_written() {
        let ambient = Ambient::system();
        let key = ApiKey::new(ApiKeyId(ambient.uuid()), ambient.bytes());
        let read: ApiKey = key.expose().parse().unwrap();
        assert_eq!((read.id(), read.expose(), read.hash()), (key.id(), key.expose(), key.hash()));
        assert!(ApiKey::is_meant_by(key.expose()) && !ApiKey::is_meant_by("eyJ0eXAiOiJhdCtqd3QifQ.e30.x"));
    }

    #[test]
    fn the_format_stays_as_scanners_know_it() {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        let body = format!("slk_01890a5dac96774bbcceb302099a8057_{}", "ab".repeat(32));
        let expected = format!("{body}{:08x}", ieee(body.as_bytes()));
        assert_eq!(ApiKey::new(id, [0xab; 32]).expose(), expected);
    }

    #[test]
    fn keys_are_found_in_whatever_is_around_them() {
        let ambient = Ambient::system();
        let key = || ApiKey::new(ApiKeyId(ambient.uuid()), ambient.bytes());
        let (first, second) = (key(), key());
        let (body, last) = first.expose().split_at(API_KEY_LENGTH - 1);
        let wrong = format!("{body}{}", if last == "0" { "1" } else { "0" });
        let text = format!("é slk_{}{} \"{wrong}\" slk_{}", first.expose(), second.expose(), &wrong[..50]);
        let found: Vec<_> = ApiKey::find_in(&text).map(|(at, key)| (at, key.expose().to_owned())).collect();
        let at = "é slk_".len();
        let behind = text.find(second.expose()).unwrap();
        assert_eq!(found, [(at, first.expose().to_owned()), (behind, second.expose().to_owned())]);
    }

    #[test]
    fn every_typing_error_is_recognised() {
        let ambient = Ambient::system();
        let key = ApiKey::new(ApiKeyId(ambient.uuid()), ambient.bytes());
        let text = key.expose();
        for position in 0..text.len() {
            for typed in ["0", "g", "_", "A", "é"].into_iter().filter(|typed| *typed != &text[position..=position]) {
                let wrong = format!("{}{typed}{}", &text[..position], &text[position + 1..]);
                assert!(wrong.parse::<ApiKey>().is_err(), "{wrong}");
            }
            assert!(text[..position].parse::<ApiKey>().is_err());
        }
        assert!(format!("{text}0").parse::<ApiKey>().is_err());
    }

    /// Bit by bit, as the standard has it.
    fn ieee(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0, |crc, byte| {
            (0..8).fold(
                crc ^ u32::from(*byte),
                |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 },
            )
        })
    }
}
