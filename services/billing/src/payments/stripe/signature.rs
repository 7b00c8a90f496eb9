//! Signatures of Stripe's webhooks (<https://docs.stripe.com/webhooks#verify-manually>): `t=<seconds>,v1=<hex>,…`, each
//! `v1` an HMAC-SHA256 of `<t>.<body>`.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, verify};
use secrecy::{ExposeSecret, SecretString};

/// Seconds that the time of a signature may be away from ours, in both directions.
const TOLERANCE: u64 = 300;
/// While a secret is rotated there are two, and one more is still no attack.
const MOST_SIGNATURES: usize = 8;

/// Whether one of `secrets` has signed `body` about `now` (seconds since 1970).
pub fn is_signed(secrets: &[SecretString], header: &str, body: &[u8], now: i64) -> bool {
    let fields = || header.split(',').filter_map(|field| field.trim().split_once('='));
    let time = fields().find(|(name, _)| *name == "t").map(|(_, time)| time);
    let Some((time, seconds)) = time.and_then(|time| Some((time, time.parse::<i64>().ok()?))) else { return false };
    if now.abs_diff(seconds) > TOLERANCE {
        return false;
    }
    let signed = [time.as_bytes(), b".", body].concat();
    let tags: Vec<_> = fields()
        .filter(|(name, _)| *name == "v1")
        .take(MOST_SIGNATURES)
        .filter_map(|(_, tag)| hex::decode(tag).ok())
        .collect();
    secrets.iter().any(|secret| {
        let key = Key::new(HMAC_SHA256, secret.expose_secret().as_bytes());
        // In constant time for each.
        tags.iter().any(|tag| verify(&key, &signed, tag).is_ok())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::hmac::sign;

    const NOW: i64 = 1_800_000_000;
    const BODY: &[u8] = br#"{"id":"evt_1"}"#;

    fn tag(secret: &str, time: &str, body: &[u8]) -> String {
        let signed = [time.as_bytes(), b".", body].concat();
        hex::encode(sign(&Key::new(HMAC_SHA256, secret.as_bytes()), &signed))
    }

    fn taken(header: &str, body: &[u8]) -> bool {
        is_signed(&["whsec_new".into(), "whsec_old".into()], header, body, NOW)
    }

    #[test]
    fn both_secrets_count_and_any_of_several_signatures() {
        let time = NOW.to_string();
        let (new, old, other) =
            (tag("whsec_new", &time, BODY), tag("whsec_old", &time, BODY), tag("whsec_other", &time, BODY));
        for header in [
            format!("t={time},v1={new}"),
            format!("t={time},v1={old}"),
            format!("t={time},v1={other},v1={old},v0=00"),
            format!("v1={new}, t={time}"),
        ] {
            assert!(taken(&header, BODY), "{header}");
        }
        for header in [format!("t={time},v1={other}"), format!("t={time},v0={new}"), format!("t={time},v1=zz")] {
            assert!(!taken(&header, BODY), "{header}");
        }
        assert!(!taken(&format!("t={time},v1={new}"), b"{}"));
        assert!(!taken("", BODY) && !taken(&format!("v1={new}"), BODY) && !taken(&format!("t=x,v1={new}"), BODY));
        assert!(!is_signed(&[], &format!("t={time},v1={new}"), BODY, NOW));
    }

    #[test]
    fn five_minutes_both_ways_and_no_longer() {
        let at = |seconds: i64| {
            let time = (NOW + seconds).to_string();
            taken(&format!("t={time},v1={}", tag("whsec_new", &time, BODY)), BODY)
        };
        assert_eq!([-301, -300, 0, 300, 301].map(at), [false, true, true, true, false]);
        assert!(!taken(&format!("t={},v1=00", i64::MIN), BODY) && !taken(&format!("t={},v1=00", i64::MAX), BODY));
    }
}
