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

/// Of everything that the seller sells; none where it charges VAT.
fn category(issuer: &Issuer) -> Option<TaxCategory> {
    match &issuer.vat {
        Vat::None { tax, .. } => Some(tax.category),
        Vat::Charged(_) => None,
    }
}

#[test]
fn without_a_seller_there_are_no_documents() {
    assert!(read(&[]).unwrap().is_none());
}

#[test]
fn a_seller_is_complete() {
    let issuer = read(&LEAST).unwrap().unwrap().issuer;
    assert_eq!(issuer.seller.address.lines, ["Große Elbstraße 27", "Hinterhaus"]);
    assert_eq!((category(&issuer), issuer.transfer), (Some(TaxCategory::NotSubject), None));
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
    assert_eq!(category(&with(&exempt).unwrap().unwrap().issuer), Some(TaxCategory::Exempt));
    for (wrong, told) in [
        (("SELLER_IBAN", "DE89370400440532013001"), "IBAN"),
        (("SELLER_COUNTRY", "Germany"), "country"),
        (("SELLER_ADDRESS", "1;2;3;4"), "address lines"),
        // What is not subject to VAT names no VAT identifier.
        (("SELLER_VAT_ID", "DE123456789"), "BR-O-02"),
        (("SELLER_VAT_CATEGORY", "E"), "BR-{S,Z,E,AE}-02"),
        (("SELLER_VAT_CATEGORY", "AE"), "SELLER_VAT_CATEGORY: must be S, E or O"),
    ] {
        let fault = with(&[wrong]).unwrap_err();
        assert!(fault.contains(told), "{wrong:?}: {fault}");
    }
}

#[test]
fn who_charges_vat_is_known_for_it_and_says_no_reason_against_it() {
    let charging: Vec<_> = LEAST.iter().copied().filter(|(name, _)| *name != "SELLER_VAT_REASON").collect();
    let charging = |more: &[(&str, &str)]| {
        read(&[&charging[..], &[("SELLER_VAT_CATEGORY", "S"), ("SELLER_VAT_ID", "DE123456789")], more].concat())
    };
    let issuer = charging(&[]).unwrap().unwrap().issuer;
    assert_eq!((category(&issuer), issuer.charges()), (None, Seller::new("DE", "DE123456789").ok()));
    for (wrong, told) in [
        (("SELLER_VAT_ID", "FR40303265045"), "SELLER_VAT_ID: must be a VAT identifier of SELLER_COUNTRY"),
        (("SELLER_COUNTRY", "CH"), "SELLER_COUNTRY: must be a member state"),
        (("SELLER_VAT_REASON", "Not subject to VAT."), "SELLER_VAT_REASON must be absent"),
    ] {
        let fault = charging(&[wrong]).unwrap_err();
        assert!(fault.contains(told), "{wrong:?}: {fault}");
    }
    let without = |left_out: &str| {
        let variables = LEAST.iter().copied().filter(|(name, _)| !["SELLER_VAT_REASON", left_out].contains(name));
        let more = [("SELLER_VAT_CATEGORY", "S"), ("SELLER_VAT_ID", "DE123456789")];
        let more = more.into_iter().filter(|(name, _)| *name != left_out);
        read(&variables.chain(more).collect::<Vec<_>>()).unwrap_err()
    };
    assert!(without("SELLER_VAT_ID").contains("SELLER_VAT_ID is missing"));
    // What is not subject to VAT names no VAT identifier.
    assert!(without("SELLER_REGISTRATION").contains("BR-CO-26"));
}
