//! Currencies of ISO 4217, and how their amounts are written.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// An ISO 4217 code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(into = "String", try_from = "String")]
#[sqlx(transparent)]
pub struct Currency(String);

#[derive(Debug, thiserror::Error)]
#[error("must be an ISO 4217 code of three capital letters")]
pub struct NotACurrency;

impl FromStr for Currency {
    type Err = NotACurrency;
    fn from_str(code: &str) -> Result<Self, NotACurrency> {
        let sound = code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase());
        sound.then(|| Self(code.to_owned())).ok_or(NotACurrency)
    }
}

impl TryFrom<String> for Currency {
    type Error = NotACurrency;
    fn try_from(code: String) -> Result<Self, NotACurrency> {
        code.parse()
    }
}

impl From<Currency> for String {
    fn from(Currency(code): Currency) -> Self {
        code
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Currency {
    pub fn euro() -> Self {
        Self("EUR".into())
    }

    pub fn code(&self) -> &str {
        &self.0
    }

    /// Decimal places of its minor unit (ISO 4217, list one).
    pub fn exponent(&self) -> u32 {
        match self.0.as_str() {
            "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI" | "VND"
            | "VUV" | "XAF" | "XOF" | "XPF" => 0,
            "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
            "CLF" | "UYW" => 4,
            _ => 2,
        }
    }

    /// The amount in major units, with every decimal place of the currency: `0.05`.
    pub fn major(&self, minor: i64) -> String {
        Decimal::new(minor, self.exponent()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_the_places_of_their_currency() {
        let written = |code: &str, minor| code.parse::<Currency>().unwrap().major(minor);
        assert_eq!(
            [written("EUR", 5), written("EUR", -1_230), written("JPY", 5), written("KWD", 5)],
            ["0.05", "-12.30", "5", "0.005"]
        );
    }

    #[test]
    fn a_code_is_three_capitals() {
        for code in ["", "eur", "EURO", "E1R", "EU"] {
            assert!(code.parse::<Currency>().is_err(), "{code}");
        }
    }
}
