//! Who issues documents: what each of them says of the seller, and of VAT.

use invoice_document::{Party, Tax, Transfer};
use std::str::FromStr;

/// Why there is no VAT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VatCategory {
    Exempt,
    NotSubject,
}

#[derive(Debug, thiserror::Error)]
#[error("must be E or O: billing computes no VAT")]
pub struct NotACategory;

impl FromStr for VatCategory {
    type Err = NotACategory;
    fn from_str(code: &str) -> Result<Self, NotACategory> {
        match code {
            "E" => Ok(Self::Exempt),
            "O" => Ok(Self::NotSubject),
            _ => Err(NotACategory),
        }
    }
}

/// What documents say of the seller, whatever the invoice.
#[derive(Clone, Debug)]
pub struct Issuer {
    pub seller: Party,
    pub transfer: Option<Transfer>,
    /// Of every line.
    pub tax: Tax,
    pub exemption_reason: String,
}
