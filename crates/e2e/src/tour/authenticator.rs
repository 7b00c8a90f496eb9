//! An authenticator app, as a person has one on the telephone (RFC 6238).

use anyhow::{Context, Result};
use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};
use chrono::Utc;
use std::cell::Cell;

const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// In seconds.
const STEP: i64 = 30;
/// A code of the next step is taken, too, as clocks may be so much apart; one more, as time passes on the way.
const NEAR: std::ops::RangeInclusive<i64> = -2..=2;

pub struct Authenticator {
    key: Key,
    /// The step whose code was shown last: each code counts once.
    last: Cell<i64>,
}

impl Authenticator {
    /// Set up with a secret in base32 (RFC 4648 §6).
    pub fn new(secret: &str) -> Result<Self> {
        let digit = |letter| ALPHABET.find(letter).with_context(|| format!("'{letter}' is not base32"));
        let digits = secret.chars().map(digit).collect::<Result<Vec<_>>>()?;
        let bits: Vec<_> =
            digits.iter().flat_map(|digit| (0..5).rev().map(move |bit| (digit >> bit) & 1 == 1)).collect();
        let byte = |bits: &[bool]| bits.iter().fold(0_u8, |byte, bit| (byte << 1) | u8::from(*bit));
        let secret: Vec<_> = bits.chunks_exact(8).map(byte).collect();
        Ok(Self { key: Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, &secret), last: Cell::new(0) })
    }

    /// A code that was not shown before: of now, or of the half minute that comes next.
    pub fn code(&self) -> String {
        self.last.set(present().max(self.last.get() + 1));
        self.of(self.last.get())
    }

    /// Six digits that the app shows at no time near now.
    pub fn wrong_code(&self) -> String {
        let right: Vec<_> = NEAR.map(|later| self.of(present() + later)).collect();
        let others = (0..=right.len()).map(|number| format!("{number:06}"));
        others.into_iter().find(|code| !right.contains(code)).unwrap_or_default()
    }

    fn of(&self, step: i64) -> String {
        let tag = sign(&self.key, &step.to_be_bytes());
        let hash = tag.as_ref();
        let offset = usize::from(hash[hash.len() - 1] & 0xf);
        let number = hash[offset..offset + 4].iter().fold(0_u32, |number, byte| (number << 8) | u32::from(*byte));
        format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
    }
}

#[expect(clippy::disallowed_methods, reason = "the tour plays a telephone, which has its own clock")]
fn present() -> i64 {
    Utc::now().timestamp().div_euclid(STEP)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The SHA-1 column of RFC 6238, appendix B, cut to six digits.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let app = Authenticator::new("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap();
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(app.of(seconds / STEP), code);
        }
    }

    #[test]
    fn no_code_is_shown_twice_and_a_wrong_one_is_none_of_them() {
        let app = Authenticator::new("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap();
        let (first, second, wrong) = (app.code(), app.code(), app.wrong_code());
        assert!(first != second && wrong != first && wrong != second, "{first} {second} {wrong}");
    }
}
