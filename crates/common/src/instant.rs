//! Instants as callers write them: RFC 3339 §5.6, whose years have four digits.
//!
//! chrono also reads years before 0 and after 9999, which PostgreSQL and JavaScript do not take all of.

use chrono::{DateTime, Datelike, Utc};
use serde::{Deserialize, Deserializer, de};

/// For `#[serde(default, deserialize_with = "instant::optional")]`.
///
/// # Errors
/// What chrono cannot read, and years that RFC 3339 does not have.
pub fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let at = Option::<DateTime<Utc>>::deserialize(deserializer)?;
    match at {
        Some(at) if !(0..=9999).contains(&at.year()) => {
            Err(de::Error::custom("must be an instant of RFC 3339, in the years 0000 to 9999"))
        }
        at => Ok(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<DateTime<Utc>> {
        optional(&mut serde_json::Deserializer::from_str(text)).unwrap_or_default()
    }

    #[test]
    fn years_have_four_digits() {
        for good in ["2026-11-21T20:00:00+01:00", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z"] {
            assert!(read(&format!("\"{good}\"")).is_some(), "{good}");
        }
        for bad in [
            "-5000-01-01T00:00:00Z",
            "-0001-12-31T23:59:59Z",
            "+10000-01-01T00:00:00Z",
            "+262142-12-31T23:59:59Z",
            "9999-12-31T23:59:59-01:00",
        ] {
            assert!(read(&format!("\"{bad}\"")).is_none(), "{bad}");
        }
        assert!(read("null").is_none());
    }
}
