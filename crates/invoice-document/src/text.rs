//! The texts of an invoice: brought to one form, and bounded.

use crate::model::{Address, Kind, Party};
use crate::{check::Refused, model::Invoice};
use unicode_normalization::UnicodeNormalization;

/// A word or two, in a narrow column.
const WORD: usize = 50;
/// A name, a number.
const SHORT: usize = 200;
/// A sentence or a few.
const MEDIUM: usize = 1_000;
const LONG: usize = 5_000;

/// Brings every text to Unicode's form NFC without what controls devices or the direction of writing, and drops
/// optional texts that are empty then.
///
/// Refuses texts that are too long, or empty where there must be one.
pub(crate) fn clean(invoice: &mut Invoice) -> Result<(), Refused> {
    required("number", SHORT, &mut invoice.number)?;
    if let Kind::CreditNote { corrects } = &mut invoice.kind {
        required("the corrected invoice's number", SHORT, &mut corrects.number)?;
    }
    optional("buyer reference", SHORT, &mut invoice.buyer_reference)?;
    optional("order reference", SHORT, &mut invoice.order_reference)?;
    party("seller", &mut invoice.seller)?;
    party("buyer", &mut invoice.buyer)?;
    for line in &mut invoice.lines {
        required("line description", MEDIUM, &mut line.description)?;
        list("line detail", SHORT, &mut line.details)?;
        required("unit", WORD, &mut line.unit.name)?;
    }
    for adjustment in &mut invoice.adjustments {
        required("adjustment reason", SHORT, &mut adjustment.reason)?;
    }
    for group in &mut invoice.taxes {
        optional("exemption reason", MEDIUM, &mut group.exemption_reason)?;
    }
    let payment = &mut invoice.payment;
    optional("payment terms", MEDIUM, &mut payment.terms)?;
    optional("payment link", MEDIUM, &mut payment.link)?;
    optional("payment reference", SHORT, &mut payment.reference)?;
    if let Some(transfer) = &mut payment.transfer {
        required("account holder", SHORT, &mut transfer.account_holder)?;
    }
    for note in &mut invoice.notes {
        let paragraphs: Vec<_> = note.lines().map(cleaned).filter(|paragraph| !paragraph.is_empty()).collect();
        *note = paragraphs.join("\n");
        bounded("note", LONG, note)?;
    }
    invoice.notes.retain(|note| !note.is_empty());
    Ok(())
}

fn party(role: &'static str, party: &mut Party) -> Result<(), Refused> {
    let Party { name, address: Address { lines, postcode, city, country }, vat_id, tax_number, registration, email } =
        party;
    required(role, SHORT, name)?;
    list("address line", SHORT, lines)?;
    optional("postcode", SHORT, postcode)?;
    required("city", SHORT, city)?;
    required("country", SHORT, &mut country.name)?;
    optional("VAT identifier", SHORT, vat_id)?;
    optional("tax number", SHORT, tax_number)?;
    optional("registration", SHORT, registration)?;
    optional("email address", SHORT, email)
}

fn required(field: &'static str, limit: usize, text: &mut String) -> Result<(), Refused> {
    *text = cleaned(text);
    if text.is_empty() {
        return Err(Refused::Empty { field });
    }
    bounded(field, limit, text)
}

fn optional(field: &'static str, limit: usize, text: &mut Option<String>) -> Result<(), Refused> {
    *text = text.as_deref().map(cleaned).filter(|text| !text.is_empty());
    text.as_deref().map_or(Ok(()), |text| bounded(field, limit, text))
}

fn list(field: &'static str, limit: usize, texts: &mut Vec<String>) -> Result<(), Refused> {
    *texts = texts.iter().map(|text| cleaned(text)).filter(|text| !text.is_empty()).collect();
    texts.iter().try_for_each(|text| bounded(field, limit, text))
}

fn bounded(field: &'static str, limit: usize, text: &str) -> Result<(), Refused> {
    if text.chars().count() > limit { Err(Refused::TooLong { field, limit }) } else { Ok(()) }
}

/// One line, its words a single space apart.
fn cleaned(text: &str) -> String {
    let visible = text.nfc().filter(|character| !is_invisible(*character));
    let spaced: String = visible.map(meaningful).collect();
    spaced.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A character that means the same to everybody: what is for private use does not, and PDF/A forbids it.
fn meaningful(character: char) -> char {
    match character {
        '\u{e000}'..='\u{f8ff}' | '\u{f0000}'.. => char::REPLACEMENT_CHARACTER,
        control if control.is_control() => ' ',
        other => other,
    }
}

/// Characters without a picture: what joins, parts and turns others (Unicode's category Cf, as far as it occurs in
/// names), line separators, and what XML 1.0 forbids.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_line_of_what_can_be_seen() {
        assert_eq!(cleaned(" Cafe\u{301}\tau \u{202e}lait\u{0}\r\n x "), "Café au lait x");
        assert_eq!(cleaned("a\u{e000}b\u{10ffff}"), "a\u{fffd}b\u{fffd}");
    }
}
