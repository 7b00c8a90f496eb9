//! Billing details: who an invoice is made out to. What a tenant writes is checked here.

use super::{country::Country, vat_id::VatId};
use common::problem::FieldError;
use contracts::mails::is_address;
use serde::{Deserialize, Serialize};
use std::{fmt::Display, str::FromStr};
use utoipa::ToSchema;

/// In characters; what a document has room for.
const LEGAL_NAME: usize = 200;
const ADDRESS_LINE: usize = 100;
const POSTCODE: usize = 20;
const CITY: usize = 100;
const ORDER_REFERENCE: usize = 100;
/// As many as EN 16931 has (BT-50, BT-51, BT-163).
const ADDRESS_LINES: usize = 3;

/// Who an invoice is to be made out to. Texts are trimmed, on one line, and have a letter or a digit.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewBillingDetails)]
pub struct NewDetails {
    /// Of the company or the person that is billed.
    #[schema(example = "Acme GmbH", max_length = 200)]
    legal_name: String,
    /// Street and house number, and what else there is.
    #[schema(example = json!(["Hauptstraße 1"]), min_items = 1, max_items = 3)]
    address_lines: Vec<String>,
    /// Not every country has them.
    #[schema(example = "10115", max_length = 20)]
    postcode: Option<String>,
    #[schema(example = "Berlin", max_length = 100)]
    city: String,
    /// ISO 3166-1 alpha-2.
    #[schema(example = "DE", pattern = "^[A-Z]{2}$")]
    country: String,
    /// With the prefix of its country (`EL` and `XI` are known as well); spaces, dots and hyphens are left out.
    #[schema(example = "DE123456789")]
    vat_id: Option<String>,
    /// Where invoices go; without it, to the account's address.
    #[schema(example = "invoices@acme.example", max_length = 254)]
    email: Option<String>,
    /// The tenant's purchase order, to be named on its invoices.
    #[schema(example = "PO-4711", max_length = 100)]
    order_reference: Option<String>,
}

/// Who an invoice is made out to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = BillingDetails)]
pub struct Details {
    #[schema(example = "Acme GmbH")]
    pub legal_name: String,
    #[schema(example = json!(["Hauptstraße 1"]))]
    pub address_lines: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "10115")]
    pub postcode: Option<String>,
    #[schema(example = "Berlin")]
    pub city: String,
    /// ISO 3166-1 alpha-2.
    #[schema(value_type = String, example = "DE")]
    pub country: Country,
    /// With the prefix of its country, without spaces, dots and hyphens.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "DE123456789")]
    pub vat_id: Option<VatId>,
    /// Where invoices go; without it, to the account's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "invoices@acme.example")]
    pub email: Option<String>,
    /// The tenant's purchase order, to be named on its invoices.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "PO-4711")]
    pub order_reference: Option<String>,
}

impl NewDetails {
    /// `None`, and something in `errors`, unless every field is right. Texts are trimmed.
    pub fn check(self, errors: &mut Vec<FieldError>) -> Option<Details> {
        let known = errors.len();
        let legal_name = text(errors, "details.legal_name", &self.legal_name, LEGAL_NAME);
        let address_lines = lines(errors, &self.address_lines);
        let postcode = self.postcode.map(|given| text(errors, "details.postcode", &given, POSTCODE));
        let city = text(errors, "details.city", &self.city, CITY);
        let country = parsed(errors, "details.country", &self.country);
        let vat_id = self.vat_id.and_then(|given| parsed(errors, "details.vat_id", &given));
        let email = self.email.map(|given| given.trim().to_owned());
        if !email.as_deref().is_none_or(is_address) {
            errors.push(FieldError::new("details.email", "malformed", "must be an e-mail address"));
        }
        let order_reference =
            self.order_reference.map(|given| text(errors, "details.order_reference", &given, ORDER_REFERENCE));
        let country = country.filter(|_| errors.len() == known)?;
        Some(Details { legal_name, address_lines, postcode, city, country, vat_id, email, order_reference })
    }
}

fn lines(errors: &mut Vec<FieldError>, given: &[String]) -> Vec<String> {
    if !(1..=ADDRESS_LINES).contains(&given.len()) {
        let message = format!("must be 1 to {ADDRESS_LINES} lines");
        errors.push(FieldError::new("details.address_lines", "length", message));
        return Vec::new();
    }
    let line =
        |(index, line): (usize, &String)| text(errors, &format!("details.address_lines[{index}]"), line, ADDRESS_LINE);
    given.iter().enumerate().map(line).collect()
}

fn text(errors: &mut Vec<FieldError>, field: &str, given: &str, most: usize) -> String {
    let text = given.trim();
    if !(1..=most).contains(&text.chars().count()) {
        errors.push(FieldError::new(field, "length", format!("must have 1 to {most} characters")));
    } else if text.chars().any(is_steering) || !text.chars().any(char::is_alphanumeric) {
        let message = "must be text on one line, with a letter or a digit";
        errors.push(FieldError::new(field, "malformed", message));
    }
    text.to_owned()
}

/// Controls a device, ends a line or turns the direction of writing: on paper it would show something else.
pub fn is_steering(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn parsed<T: FromStr<Err: Display>>(errors: &mut Vec<FieldError>, field: &str, given: &str) -> Option<T> {
    given.parse().map_err(|error: T::Err| errors.push(FieldError::new(field, "malformed", error.to_string()))).ok()
}
