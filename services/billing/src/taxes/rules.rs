//! Which VAT a service has, by the rules of the European Union for a seller who is established in it. Pure.
//!
//! A service is taxed where its buyer is: that of a business by Article 44 of Directive 2006/112/EC, that of anybody else
//! by Article 58, as what is sold here is supplied electronically. The seller accounts for the tax of another member
//! state by the one-stop shop (Articles 369a to 369k). Whoever has a VAT identifier of their member state is a business,
//! and owes the tax instead (Article 196).

use super::TaxCategory;
use crate::accounts::{country::Country, vat_id::VatId};

/// Member states, and Monaco, which counts as France (Article 7), each with the prefix of its VAT identifiers.
const UNION: [(&str, &str); 28] = [
    ("AT", "AT"),
    ("BE", "BE"),
    ("BG", "BG"),
    ("CY", "CY"),
    ("CZ", "CZ"),
    ("DE", "DE"),
    ("DK", "DK"),
    ("EE", "EE"),
    ("ES", "ES"),
    ("FI", "FI"),
    ("FR", "FR"),
    ("GR", "EL"),
    ("HR", "HR"),
    ("HU", "HU"),
    ("IE", "IE"),
    ("IT", "IT"),
    ("LT", "LT"),
    ("LU", "LU"),
    ("LV", "LV"),
    ("MC", "FR"),
    ("MT", "MT"),
    ("NL", "NL"),
    ("PL", "PL"),
    ("PT", "PT"),
    ("RO", "RO"),
    ("SE", "SE"),
    ("SI", "SI"),
    ("SK", "SK"),
];

/// Who sells, and charges VAT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seller {
    country: Country,
}

/// Who buys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buyer {
    pub country: Country,
    pub vat_id: Option<VatId>,
}

/// Which VAT something has that a buyer buys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// That of the buyer's country, by its rates.
    Taxed,
    ReverseCharge,
    NotSubject,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotASeller {
    #[error("SELLER_COUNTRY: must be a member state of the European Union: VAT is computed by its rules")]
    Country,
    #[error("SELLER_VAT_ID: must be a VAT identifier of SELLER_COUNTRY")]
    VatId,
}

impl Seller {
    pub fn new(country: &str, vat_id: &str) -> Result<Self, NotASeller> {
        let country: Country = country.parse().map_err(|_| NotASeller::Country)?;
        let prefix = prefix(&country).ok_or(NotASeller::Country)?;
        let vat_id: VatId = vat_id.parse().map_err(|_| NotASeller::VatId)?;
        if vat_id.prefix() == prefix { Ok(Self { country }) } else { Err(NotASeller::VatId) }
    }

    pub fn treatment(&self, buyer: &Buyer) -> Treatment {
        let Some(prefix) = prefix(&buyer.country) else { return Treatment::NotSubject };
        let is_business = buyer.vat_id.as_ref().is_some_and(|id| id.prefix() == prefix);
        // Monaco and France are one for VAT.
        let is_domestic = self::prefix(&self.country) == Some(prefix);
        if is_business && !is_domestic { Treatment::ReverseCharge } else { Treatment::Taxed }
    }
}

impl Treatment {
    /// Of what has a rate of `is_zero`.
    pub fn category(self, is_zero: bool) -> TaxCategory {
        match self {
            Self::Taxed if is_zero => TaxCategory::ZeroRated,
            Self::Taxed => TaxCategory::Standard,
            Self::ReverseCharge => TaxCategory::ReverseCharge,
            Self::NotSubject => TaxCategory::NotSubject,
        }
    }
}

/// Of the VAT identifiers of a member state.
fn prefix(country: &Country) -> Option<&'static str> {
    UNION.iter().find(|(code, _)| *code == country.code()).map(|(_, prefix)| *prefix)
}

#[cfg(test)]
mod tests;
