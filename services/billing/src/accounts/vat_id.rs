//! Identifiers for value-added tax.

use super::country::Country;
use serde::Serialize;
use std::str::FromStr;

/// What stands after the prefix.
const LENGTHS: std::ops::RangeInclusive<usize> = 2..=18;
/// Prefixes that are no codes of a country: Greece, and Northern Ireland for goods.
const OTHER_PREFIXES: [&str; 2] = ["EL", "XI"];

/// What stands after the prefix of a member state of the European Union, and of Northern Ireland: `9` is a digit, `A` a
/// letter, `X` either, `+` a letter, a digit, a plus or an asterisk
/// (<https://ec.europa.eu/taxation_customs/vies/#/faq>, question 11).
const FORMS: [(&str, &[&str]); 28] = [
    ("AT", &["A99999999"]),
    ("BE", &["9999999999"]),
    ("BG", &["999999999", "9999999999"]),
    ("CY", &["99999999A"]),
    ("CZ", &["99999999", "999999999", "9999999999"]),
    ("DE", &["999999999"]),
    ("DK", &["99999999"]),
    ("EE", &["999999999"]),
    ("EL", &["999999999"]),
    ("ES", &["X9999999X"]),
    ("FI", &["99999999"]),
    ("FR", &["XX999999999"]),
    ("HR", &["99999999999"]),
    ("HU", &["99999999"]),
    ("IE", &["9+99999A", "9999999AA"]),
    ("IT", &["99999999999"]),
    ("LT", &["999999999", "999999999999"]),
    ("LU", &["99999999"]),
    ("LV", &["99999999999"]),
    ("MT", &["99999999"]),
    ("NL", &["++++++++++++"]),
    ("PL", &["9999999999"]),
    ("PT", &["999999999"]),
    ("RO", &["99", "999", "9999", "99999", "999999", "9999999", "99999999", "999999999", "9999999999"]),
    ("SE", &["999999999999"]),
    ("SI", &["99999999"]),
    ("SK", &["9999999999"]),
    ("XI", &["999999999", "999999999999", "AA999"]),
];

/// With the prefix of its country, in capitals, without spaces, dots and hyphens: `DE123456789` (EN 16931, BR-CO-09).
/// Whether it was issued, and to whom, only its country knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct VatId(String);

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a VAT identifier with the prefix of its country, such as DE123456789")]
pub struct NotAVatId;

impl VatId {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Of two letters: its country's, but for Greece (`EL`) and Northern Ireland (`XI`).
    pub fn prefix(&self) -> &str {
        self.0.get(..2).unwrap_or_default()
    }
}

impl FromStr for VatId {
    type Err = NotAVatId;
    /// Takes it as people write it: `de 123 456 789`.
    fn from_str(text: &str) -> Result<Self, NotAVatId> {
        let id: String =
            text.chars().filter(|c| !matches!(c, ' ' | '.' | '-')).collect::<String>().to_ascii_uppercase();
        let (prefix, rest) = id.split_at_checked(2).ok_or(NotAVatId)?;
        let prefixed = OTHER_PREFIXES.contains(&prefix) || prefix.parse::<Country>().is_ok();
        // Old Irish ones have a plus or an asterisk.
        let plain = rest.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'+' | b'*'));
        let numbered = rest.bytes().any(|b| b.is_ascii_digit());
        let known = FORMS.iter().find(|(of, _)| *of == prefix);
        let formed = known.is_none_or(|(_, forms)| forms.iter().any(|form| has_form(rest, form)));
        if prefixed && plain && numbered && formed && LENGTHS.contains(&rest.len()) {
            Ok(Self(id))
        } else {
            Err(NotAVatId)
        }
    }
}

fn has_form(rest: &str, form: &str) -> bool {
    let fits = |(byte, kind): (u8, u8)| match kind {
        b'9' => byte.is_ascii_digit(),
        b'A' => byte.is_ascii_uppercase(),
        b'X' => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
        _ => true,
    };
    rest.len() == form.len() && rest.bytes().zip(form.bytes()).all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_kept_in_one_spelling() {
        for (text, kept) in [
            ("DE123456789", "DE123456789"),
            (" de 123 456 789 ", "DE123456789"),
            ("CHE-123.456.789 MWST", "CHE123456789MWST"),
            ("EL 123456789", "EL123456789"),
            ("XI123456789", "XI123456789"),
            ("IE1+23456A", "IE1+23456A"),
            ("NL 1234.56.789.B01", "NL123456789B01"),
            ("FR 40 303 265 045", "FR40303265045"),
            ("ESB12345678", "ESB12345678"),
            ("ATU12345678", "ATU12345678"),
            ("GB123456789", "GB123456789"),
        ] {
            assert_eq!(text.parse::<VatId>().unwrap().as_str(), kept);
        }
    }

    #[test]
    fn what_no_country_could_have_issued_is_refused() {
        let long = format!("DE{}", "1".repeat(19));
        for text in [
            "",
            "DE",
            "DE1",
            "123456789",
            "XX123456789",
            "DE12345/789",
            "DEABCDEF",
            "D€123456",
            "DÉ12",
            "FR12",
            "DE12345678",
            "DE1234567890",
            "AT123456789",
            "EL12345678A",
            "NL123456789B1",
            "CHE",
            &long,
        ] {
            assert_eq!(text.parse::<VatId>(), Err(NotAVatId), "{text}");
        }
    }
}
