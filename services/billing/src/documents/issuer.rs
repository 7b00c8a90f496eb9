//! Who issues documents: what each of them says of the seller, and of VAT.

use crate::taxes::rules::Seller;
use invoice_document::{Party, Tax, Transfer};
use std::str::FromStr;

/// Whether VAT is charged, or why not, by UNTDID 5305.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VatCategory {
    Standard,
    Exempt,
    NotSubject,
}

#[derive(Debug, thiserror::Error)]
#[error("must be S, E or O")]
pub struct NotACategory;

impl FromStr for VatCategory {
    type Err = NotACategory;
    fn from_str(code: &str) -> Result<Self, NotACategory> {
        match code {
            "S" => Ok(Self::Standard),
            "E" => Ok(Self::Exempt),
            "O" => Ok(Self::NotSubject),
            _ => Err(NotACategory),
        }
    }
}

/// What a seller does about VAT.
#[derive(Clone, Debug)]
pub enum Vat {
    /// It charges it: each invoice says what it is taxed by.
    Charged(Seller),
    /// No line of any invoice has any, for one reason.
    None { tax: Tax, reason: String },
}

/// What documents say of the seller, whatever the invoice.
#[derive(Clone, Debug)]
pub struct Issuer {
    pub seller: Party,
    pub transfer: Option<Transfer>,
    pub vat: Vat,
}

impl Issuer {
    /// Who charges VAT, if somebody does.
    pub fn charges(&self) -> Option<Seller> {
        match &self.vat {
            Vat::Charged(seller) => Some(seller.clone()),
            Vat::None { .. } => None,
        }
    }
}
