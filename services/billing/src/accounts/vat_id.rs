//! Identifiers for value-added tax.

use super::country::Country;
use serde::Serialize;
use std::str::FromStr;

/// What stands after the prefix.
const LENGTHS: std::ops::RangeInclusive<usize> = 2..=18;
/// Prefixes that are no codes of a country: Greece, and Northern Ireland for goods.
const OTHER_PREFIXES: [&str; 2] = ["EL", "XI"];

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
        if prefixed && plain && numbered && LENGTHS.contains(&rest.len()) { Ok(Self(id)) } else { Err(NotAVatId) }
    }
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
        ] {
            assert_eq!(text.parse::<VatId>().unwrap().as_str(), kept);
        }
    }

    #[test]
    fn what_no_country_could_have_issued_is_refused() {
        let long = format!("DE{}", "1".repeat(19));
        for text in ["", "DE", "DE1", "123456789", "XX123456789", "DE12345/789", "DEABCDEF", "D€123456", "DÉ12", &long]
        {
            assert_eq!(text.parse::<VatId>(), Err(NotAVatId), "{text}");
        }
    }
}
