//! Tests of the seller's settings: what is wrong is told at the start, and not at the first invoice.

use super::*;

const LEAST: [(&str, &str); 8] = [
    ("DOCUMENTS_BUCKET", "sevenleague-billing"),
    ("SELLER_NAME", "Sevenleague GmbH"),
    ("SELLER_ADDRESS", "Große Elbstraße 27; Hinterhaus"),
    ("SELLER_CITY", "Hamburg"),
    ("SELLER_COUNTRY", "DE"),
    ("SELLER_REGISTRATION", "HRB 98765"),
    ("SELLER_VAT_CATEGORY", "O"),
    ("SELLER_VAT_REASON", "Not subject to VAT."),
];

fn read(variables: &[(&str, &str)]) -> Result<Option<Issuing>, String> {
    let mut env = Env::new(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let settings = DocumentSettings::checked(&mut env);
    env.finish(settings).map_err(|faults| faults.to_string())
}

fn with(more: &[(&str, &str)]) -> Result<Option<Issuing>, String> {
    read(&[&LEAST[..], more].concat())
}

#[test]
fn without_a_seller_there_are_no_documents() {
    assert!(read(&[]).unwrap().is_none());
}

#[test]
fn a_seller_is_complete() {
    let issuer = read(&LEAST).unwrap().unwrap().issuer;
    assert_eq!(issuer.seller.address.lines, ["Große Elbstraße 27", "Hinterhaus"]);
    assert_eq!((issuer.tax.category, issuer.transfer), (TaxCategory::NotSubject, None));
    for (index, (name, _)) in LEAST.iter().enumerate() {
        let others: Vec<_> = LEAST.iter().copied().enumerate().filter(|(at, _)| *at != index).collect();
        let others: Vec<_> = others.into_iter().map(|(_, variable)| variable).collect();
        let told = read(&others).unwrap_err();
        let expected = if *name == "SELLER_REGISTRATION" { "BR-CO-26" } else { name };
        assert!(told.contains(expected), "{name}: {told}");
    }
    assert!(read(&[("SELLER_BIC", "COBADEFFXXX")]).unwrap_err().contains("SELLER_NAME is missing"));
}

#[test]
fn what_no_receiver_would_take_is_no_seller() {
    let paid = with(&[("SELLER_IBAN", "DE89370400440532013000"), ("SELLER_BIC", "COBADEFFXXX")]).unwrap().unwrap();
    assert_eq!(paid.issuer.transfer.unwrap().account_holder, "Sevenleague GmbH");
    let exempt = [("SELLER_VAT_CATEGORY", "E"), ("SELLER_VAT_ID", "DE123456789")];
    assert_eq!(with(&exempt).unwrap().unwrap().issuer.tax.category, TaxCategory::Exempt);
    for (wrong, told) in [
        (("SELLER_IBAN", "DE89370400440532013001"), "IBAN"),
        (("SELLER_COUNTRY", "Germany"), "country"),
        (("SELLER_ADDRESS", "1;2;3;4"), "address lines"),
        // What is not subject to VAT names no VAT identifier.
        (("SELLER_VAT_ID", "DE123456789"), "BR-O-02"),
        (("SELLER_VAT_CATEGORY", "E"), "BR-{S,Z,E,AE}-02"),
        (("SELLER_VAT_CATEGORY", "S"), "SELLER_VAT_CATEGORY: must be E or O"),
    ] {
        let fault = with(&[wrong]).unwrap_err();
        assert!(fault.contains(told), "{wrong:?}: {fault}");
    }
}
