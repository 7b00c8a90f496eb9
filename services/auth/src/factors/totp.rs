//! Time-based one-time passwords (RFC 6238): six digits of HMAC-SHA-1 over the number of the half minute, which is what
//! every authenticator app can do.

use super::base32;
use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign},
};
use chrono::{DateTime, TimeDelta, Utc};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// In bytes, as long as the hash (RFC 4226 §4).
pub const SECRET_LEN: usize = 20;
const DIGITS: usize = 6;
/// In seconds.
const STEP: i64 = 30;
/// Steps that a clock may be ahead or behind (RFC 6238 §5.2).
const DRIFT: i64 = 1;
/// An app that has shown no code for so long is not going to.
pub const UNCONFIRMED: TimeDelta = TimeDelta::minutes(15);
/// Under which name apps show the account.
const ISSUER: &str = "Sevenleague";

/// Six digits that somebody typed; blanks between them do not matter.
#[derive(Debug, PartialEq, Eq)]
pub struct Code(String);

impl Code {
    pub fn read(text: &str) -> Option<Self> {
        let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        (digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_digit())).then_some(Self(digits))
    }
}

/// The step whose code this is, around `now` and later than `last`; every step is compared, so that the time tells
/// nothing.
pub fn step_of(secret: &[u8], Code(code): &Code, now: DateTime<Utc>, last: Option<i64>) -> Option<i64> {
    let present = now.timestamp().div_euclid(STEP);
    let steps = present - DRIFT..=present + DRIFT;
    let right: Vec<_> = steps
        .filter(|step| verify_slices_are_equal(self::code(secret, *step).as_bytes(), code.as_bytes()).is_ok())
        .collect();
    right.into_iter().find(|step| last.is_none_or(|last| *step > last))
}

/// What an app reads from a QR code (Key Uri Format).
pub fn uri(secret: &[u8], account: &str) -> String {
    let account = utf8_percent_encode(account, NON_ALPHANUMERIC);
    let secret = base32::encode(secret);
    format!(
        "otpauth://totp/{ISSUER}:{account}?secret={secret}&issuer={ISSUER}&algorithm=SHA1&digits={DIGITS}&period={STEP}"
    )
}

/// HOTP (RFC 4226 §5.3) of the step.
fn code(secret: &[u8], step: i64) -> String {
    let tag = sign(&Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret), &step.to_be_bytes());
    let hash = tag.as_ref();
    let offset = usize::from(hash.last().copied().unwrap_or_default() & 0xf);
    let bytes = hash.get(offset..offset + 4).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default();
    let number = (u32::from_be_bytes(bytes) & 0x7fff_ffff) % 10_u32.pow(6);
    format!("{number:0DIGITS$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    /// The SHA-1 column of RFC 6238, appendix B, cut to six digits.
    #[test]
    fn codes_are_those_of_the_rfc() {
        for (seconds, digits) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code(SECRET, seconds / STEP), digits);
            assert_eq!(step_of(SECRET, &Code::read(digits).unwrap(), at(seconds), None), Some(seconds / STEP));
        }
    }

    #[test]
    fn a_clock_may_be_a_step_off_and_no_step_counts_twice() {
        let shown = Code::read(&code(SECRET, 1000)).unwrap();
        for (step, taken) in [(998, false), (999, true), (1000, true), (1001, true), (1002, false)] {
            assert_eq!(step_of(SECRET, &shown, at(step * STEP), None).is_some(), taken, "{step}");
        }
        let now = at(1000 * STEP);
        assert_eq!(step_of(SECRET, &shown, now, Some(999)), Some(1000));
        assert_eq!(step_of(SECRET, &shown, now, Some(1000)), None);
    }

    #[test]
    fn six_digits_are_a_code() {
        assert_eq!(Code::read(" 123 456"), Some(Code("123456".into())));
        for other in ["", "12345", "1234567", "12345a", "١٢٣٤٥٦"] {
            assert_eq!(Code::read(other), None, "{other}");
        }
    }

    #[test]
    fn apps_read_the_address() {
        let expected = "otpauth://totp/Sevenleague:ada%40acme%2Etest?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
            &issuer=Sevenleague&algorithm=SHA1&digits=6&period=30";
        assert_eq!(uri(SECRET, "ada@acme.test"), expected);
    }
}
