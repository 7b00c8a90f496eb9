//! Tests of which rate an invoice has: that of the day on which a period ends, by the account's clocks.

use super::*;
use crate::{
    calendar::{AnchorDay, Schedule},
    currency::Currency,
    taxes::{STANDARD, TaxCategory},
};
use uuid::Uuid;

fn account(zone: &str) -> Account {
    let schedule = Schedule::new(zone.parse().unwrap(), AnchorDay::try_from(1).unwrap());
    Account { currency: Currency::euro(), schedule }
}

/// A change of rates at the end of 2026.
fn basis(country: &str, vat_id: Option<&str>) -> Basis {
    let rate = |number, percent, valid_from: &str| KnownRate {
        id: Uuid::from_u128(number),
        tax_group: STANDARD.into(),
        percent: Decimal::from(percent),
        valid_from: valid_from.parse().unwrap(),
    };
    let buyer = Buyer { country: country.parse().unwrap(), vat_id: vat_id.map(|id| id.parse().unwrap()) };
    Basis { revision: 3, buyer: Some(buyer), rates: vec![rate(1, 16, "2026-07-01"), rate(2, 19, "2027-01-01")] }
}

/// The taxes on 10.00 of a group, in a period that ends then.
fn made_of(group: &str, until: &str, basis: &Basis, account: &Account) -> Result<Vec<InvoiceTax>, NotInvoiced> {
    let period = Span { from: "2026-01-01T00:00:00Z".parse().unwrap(), until: until.parse().unwrap() };
    let bases = Bases::from([((group.to_owned(), period), 1000)]);
    made(&Seller::new("DE", "DE123456789").unwrap(), basis, account, &bases)
}

#[test]
fn the_rate_is_that_of_the_day_on_which_the_period_ends() {
    let tax = |zone: &str, until: &str| {
        let taxes = made_of(STANDARD, until, &basis("DE", None), &account(zone)).unwrap();
        (taxes[0].tax_minor, taxes[0].parts[0].tax_rate_id)
    };
    let (old, new) = ((160, Some(Uuid::from_u128(1))), (190, Some(Uuid::from_u128(2))));
    // Midnight in Berlin ends the last day of the year there.
    assert_eq!(tax("Europe/Berlin", "2026-12-31T23:00:00Z"), old);
    assert_eq!(tax("Europe/Berlin", "2026-12-31T23:00:01Z"), new);
    assert_eq!(tax("UTC", "2026-12-31T23:00:01Z"), old);
    assert_eq!(tax("UTC", "2027-01-31T00:00:00Z"), new);
    assert_eq!(tax("Asia/Tokyo", "2026-12-31T15:00:00Z"), old);
    assert_eq!(tax("Asia/Tokyo", "2026-12-31T16:00:00Z"), new);
}

#[test]
fn what_is_missing_is_named() {
    let missing = |group: &str, until: &str, basis: &Basis| match made_of(group, until, basis, &account("UTC")) {
        Err(NotInvoiced::Tax(undetermined)) => undetermined,
        other => panic!("{other:?}"),
    };
    let german = basis("DE", None);
    assert_eq!(missing("reduced", "2027-01-01T00:00:00Z", &german).reason(), "tax_rate_missing:DE:reduced");
    let early = missing(STANDARD, "2026-07-01T00:00:00Z", &german);
    let (country, tax_group, on) = ("DE".into(), STANDARD.into(), "2026-06-30".parse().unwrap());
    assert_eq!(early, Undetermined::RateMissing { country, tax_group, on, revision: 3 });
    let nobody = Basis { revision: 0, buyer: None, rates: vec![] };
    assert_eq!(missing(STANDARD, "2027-01-01T00:00:00Z", &nobody), Undetermined::DetailsMissing);
}

#[test]
fn what_is_not_charged_needs_no_rate() {
    for (country, vat_id, category) in
        [("FR", Some("FR40303265045"), TaxCategory::ReverseCharge), ("US", None, TaxCategory::NotSubject)]
    {
        let basis = Basis { rates: vec![], ..basis(country, vat_id) };
        let taxes = made_of("reduced", "2026-02-01T00:00:00Z", &basis, &account("UTC")).unwrap();
        assert_eq!((taxes[0].category, taxes[0].tax_minor, taxes[0].taxable_minor), (category, 0, 1000));
        assert_eq!(taxes[0].buyer_vat_id.as_deref(), vat_id);
    }
}
