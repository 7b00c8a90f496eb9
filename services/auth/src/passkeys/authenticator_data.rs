//! Authenticator data (Web Authentication §6.1): what an authenticator says of itself and of its owner.

use super::cose::PublicKey;
use ciborium::Value;

const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const BACKUP_ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const HAS_CREDENTIAL: u8 = 0x40;
const HAS_EXTENSIONS: u8 = 0x80;
const AAGUID_LEN: usize = 16;
/// Web Authentication §4, credential ID.
const LONGEST_CREDENTIAL_ID: usize = 1023;

#[derive(Debug, PartialEq, Eq)]
pub struct AuthenticatorData {
    pub rp_id_hash: [u8; 32],
    /// Somebody was there.
    pub present: bool,
    /// It was its owner, by a PIN or a finger.
    pub verified: bool,
    /// The key may be on several devices.
    pub synced: bool,
    pub sign_count: u32,
    /// Of a registration only.
    pub credential: Option<Credential>,
}

/// A key that was made just now.
#[derive(Debug, PartialEq, Eq)]
pub struct Credential {
    pub id: Vec<u8>,
    /// As it is stored: COSE_Key.
    pub public_key: Vec<u8>,
}

impl AuthenticatorData {
    /// `None` for what is malformed, or of a key that we could not verify.
    pub fn read(data: &[u8]) -> Option<Self> {
        let (rp_id_hash, rest) = data.split_first_chunk::<32>()?;
        let ([flags], rest) = rest.split_first_chunk::<1>()?;
        let (count, mut rest) = rest.split_first_chunk::<4>()?;
        let has = |flag: u8| flags & flag != 0;
        let credential = if has(HAS_CREDENTIAL) { Some(Credential::take(&mut rest)?) } else { None };
        if has(HAS_EXTENSIONS) {
            let _: Value = ciborium::from_reader(&mut rest).ok()?;
        }
        // A key that is backed up and must not be is a contradiction (§6.1.3).
        let sound = rest.is_empty() && (has(BACKUP_ELIGIBLE) || !has(BACKED_UP));
        sound.then(|| Self {
            rp_id_hash: *rp_id_hash,
            present: has(PRESENT),
            verified: has(VERIFIED),
            synced: has(BACKUP_ELIGIBLE),
            sign_count: u32::from_be_bytes(*count),
            credential,
        })
    }
}

impl Credential {
    fn take(rest: &mut &[u8]) -> Option<Self> {
        let (_aaguid, after) = rest.split_at_checked(AAGUID_LEN)?;
        let (length, after) = after.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (id, mut after) = after.split_at_checked(length)?;
        let key = after;
        let parsed: Value = ciborium::from_reader(&mut after).ok()?;
        PublicKey::of(&parsed)?;
        let public_key = key.get(..key.len() - after.len())?.to_vec();
        *rest = after;
        (1..=LONGEST_CREDENTIAL_ID).contains(&length).then(|| Self { id: id.to_vec(), public_key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A map of one extension, and an Ed25519 key.
    const EXTENSIONS: &[u8] = b"\xa1\x61x\x01";
    const KEY: &[u8] = b"\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x2012345678901234567890123456789012";

    fn data(flags: u8, rest: &[&[u8]]) -> Vec<u8> {
        [&[7; 32][..], &[flags], &[0, 0, 1, 2], &rest.concat()].concat()
    }

    #[test]
    fn every_part_is_read_and_nothing_may_follow() {
        let short = AuthenticatorData::read(&data(0x05, &[])).unwrap();
        assert_eq!((short.present, short.verified, short.synced, short.sign_count), (true, true, false, 258));
        assert_eq!((short.rp_id_hash, short.credential), ([7; 32], None));
        let parts = [&[0; 16][..], &[0, 3], b"abc", KEY, EXTENSIONS];
        let long = data(0xd9, &parts);
        let read = AuthenticatorData::read(&long).unwrap();
        assert_eq!((read.synced, read.verified), (true, false));
        assert_eq!(read.credential, Some(Credential { id: b"abc".to_vec(), public_key: KEY.to_vec() }));
        for end in 0..long.len() {
            assert_eq!(AuthenticatorData::read(&long[..end]), None, "{end}");
        }
        assert_eq!(AuthenticatorData::read(&[&long[..], b"x"].concat()), None);
    }

    #[test]
    fn contradictions_are_not_taken() {
        assert_eq!(AuthenticatorData::read(&data(0x11, &[])), None, "backed up and not eligible");
        assert_eq!(AuthenticatorData::read(&data(0x41, &[&[0; 16], &[0, 0], KEY])), None, "no credential id");
        assert_eq!(AuthenticatorData::read(&data(0x41, &[&[0; 16], &[0, 1], b"a", b"\xa0"])), None, "no key");
    }
}
