//! Tests of which VAT a service has, as a table.

use super::*;

fn buyer(country: &str, vat_id: &str) -> Buyer {
    Buyer { country: country.parse().unwrap(), vat_id: (!vat_id.is_empty()).then(|| vat_id.parse().unwrap()) }
}

#[test]
fn a_service_is_taxed_where_its_buyer_is() {
    use Treatment::{NotSubject, ReverseCharge, Taxed};
    let german = Seller::new("DE", "DE123456789").unwrap();
    for (country, vat_id, treatment, why) in [
        ("DE", "", Taxed, "a consumer at home"),
        ("DE", "DE987654321", Taxed, "a business at home"),
        ("DE", "FR40303265045", Taxed, "a branch at home of a foreign business"),
        ("FR", "", Taxed, "a consumer in another member state"),
        ("FR", "FR40303265045", ReverseCharge, "a business in another member state"),
        ("FR", "DE987654321", Taxed, "an identifier of another state than the buyer's"),
        ("GR", "EL094259216", ReverseCharge, "Greece, whose prefix is EL"),
        ("GR", "GR094259216", Taxed, "no identifier of Greece begins with GR"),
        ("MC", "FR40303265045", ReverseCharge, "Monaco, which counts as France"),
        ("MC", "", Taxed, "a consumer in Monaco"),
        ("GB", "", NotSubject, "outside of the Union"),
        ("GB", "GB123456789", NotSubject, "a business outside of the Union"),
        ("GB", "XI123456789", NotSubject, "Northern Ireland is in the Union for goods only"),
        ("CH", "CHE123456789MWST", NotSubject, "Switzerland"),
        ("NO", "", NotSubject, "the European Economic Area is not the Union"),
        ("AX", "FI12345678", NotSubject, "the Aland Islands are no part of its territory of VAT (Article 6)"),
        ("GP", "FR40303265045", NotSubject, "neither is Guadeloupe"),
        ("US", "", NotSubject, "far away"),
    ] {
        assert_eq!(german.treatment(&buyer(country, vat_id)), treatment, "{why}");
    }
    let greek = Seller::new("GR", "EL094259216").unwrap();
    assert_eq!(greek.treatment(&buyer("GR", "EL094259216")), Taxed);
    assert_eq!(greek.treatment(&buyer("DE", "DE123456789")), ReverseCharge);
}

#[test]
fn a_treatment_has_a_category() {
    let of = |treatment: Treatment| [false, true].map(|is_zero| treatment.category(is_zero).code());
    assert_eq!(of(Treatment::Taxed), ["S", "Z"]);
    assert_eq!(of(Treatment::ReverseCharge), ["AE", "AE"]);
    assert_eq!(of(Treatment::NotSubject), ["O", "O"]);
}

#[test]
fn who_charges_vat_is_in_the_union_and_known_there() {
    for (country, vat_id, fault) in [
        ("CH", "CHE123456789MWST", NotASeller::Country),
        ("Germany", "DE123456789", NotASeller::Country),
        ("DE", "FR40303265045", NotASeller::VatId),
        ("DE", "123456789", NotASeller::VatId),
        ("GR", "GR094259216", NotASeller::VatId),
    ] {
        assert_eq!(Seller::new(country, vat_id), Err(fault), "{country} {vat_id}");
    }
}

#[test]
fn the_union_has_twenty_seven_member_states() {
    assert!(UNION.is_sorted() && UNION.iter().filter(|(code, _)| *code != "MC").count() == 27);
    assert!(UNION.iter().all(|(code, _)| code.parse::<Country>().is_ok()));
}
