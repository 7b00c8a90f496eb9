//! Who sells, who buys and where the money goes: identifiers in the form that their standards ask for.

use super::{Refused, rule};
use crate::model::{Invoice, Party, Transfer};

/// Lines of an address in EN 16931 (BT-35, BT-36, BT-162).
const MAX_ADDRESS_LINES: usize = 3;

pub(super) fn check(invoice: &Invoice) -> Result<(), Refused> {
    party(&invoice.seller)?;
    party(&invoice.buyer)?;
    let seller = &invoice.seller;
    if seller.vat_id.is_none() && seller.registration.is_none() {
        return rule("BR-CO-26", "a seller has a VAT identifier or a registration");
    }
    if let Some(transfer) = &invoice.payment.transfer {
        account(transfer)?;
    }
    match &invoice.payment.link {
        Some(link) if !is_link(link) => {
            Err(Refused::Malformed { field: "payment link", form: "an https URL of ASCII characters" })
        }
        _ => Ok(()),
    }
}

fn party(party: &Party) -> Result<(), Refused> {
    if party.address.lines.len() > MAX_ADDRESS_LINES {
        return Err(Refused::TooMany { what: "address lines", limit: MAX_ADDRESS_LINES });
    }
    let code = &party.address.country.code;
    if code.len() != 2 || !code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(Refused::Malformed { field: "country", form: "a code of ISO 3166-1 alpha-2" });
    }
    let prefixed = |id: &String| id.len() > 2 && id.is_ascii() && id[..2].bytes().all(|byte| byte.is_ascii_uppercase());
    if !party.vat_id.as_ref().is_none_or(prefixed) {
        return rule("BR-CO-09", "a VAT identifier begins with the code of its country");
    }
    Ok(())
}

fn account(transfer: &Transfer) -> Result<(), Refused> {
    if !is_iban(&transfer.iban) {
        return Err(Refused::Malformed { field: "IBAN", form: "one of ISO 13616, without spaces" });
    }
    let is_bic = |bic: &String| matches!(bic.len(), 8 | 11) && bic.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !transfer.bic.as_ref().is_none_or(is_bic) {
        return Err(Refused::Malformed { field: "BIC", form: "one of ISO 9362" });
    }
    Ok(())
}

/// Country, two check digits and account, whose remainder by 97 is 1 (ISO 13616, ISO 7064).
fn is_iban(iban: &str) -> bool {
    let form = |(index, byte): (usize, u8)| match index {
        0 | 1 => byte.is_ascii_uppercase(),
        2 | 3 => byte.is_ascii_digit(),
        _ => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
    };
    if !(15..=34).contains(&iban.len()) || !iban.bytes().enumerate().all(form) {
        return false;
    }
    let rotated = iban[4..].bytes().chain(iban[..4].bytes());
    let remainder = rotated.fold(0_u32, |remainder, byte| match byte {
        b'0'..=b'9' => (remainder * 10 + u32::from(byte - b'0')) % 97,
        _ => (remainder * 100 + u32::from(byte - b'A') + 10) % 97,
    });
    remainder == 1
}

fn is_link(link: &str) -> bool {
    link.strip_prefix("https://").is_some_and(|rest| !rest.is_empty())
        && link.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_iban_is_checked_by_its_digits() {
        assert!(["DE89370400440532013000", "GB82WEST12345698765432", "NO9386011117947"].map(is_iban) == [true; 3]);
        assert!(
            ["DE89370400440532013001", "DE89 3704 0044 0532 0130 00", "de89370400440532013000", ""].map(is_iban)
                == [false; 4]
        );
    }

    #[test]
    fn a_link_is_https() {
        assert_eq!(
            ["https://pay.test/1", "http://pay.test", "https://", "javascript:alert(1)", "https://a b"].map(is_link),
            [true, false, false, false, false]
        );
    }
}
