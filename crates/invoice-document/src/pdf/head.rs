//! The top of the first page: who bills whom for what, and how much.

use super::{
    format, kind,
    sheet::{ACCENT, GREY, LEFT, LINE, RIGHT, SHADE, Sheet, Style, WIDTH},
    tree::{Part, Role},
};
use crate::model::{Invoice, Kind, Party};

/// Where the right column begins.
const MIDDLE: f32 = 318.0;
const SMALL: Style = Style::grey(8.5);
const TEXT: Style = Style::plain(9.5);

pub(super) fn write(sheet: &mut Sheet, invoice: &Invoice) {
    sheet.beside(|sheet| title(sheet, invoice), |sheet| seller(sheet, &invoice.seller));
    sheet.y += 14.0;
    sheet.rule(LEFT, RIGHT, sheet.y, LINE);
    sheet.y += 16.0;
    sheet.beside(|sheet| buyer(sheet, &invoice.buyer), |sheet| facts(sheet, invoice));
    sheet.y += 16.0;
    due(sheet, invoice);
}

fn title(sheet: &mut Sheet, invoice: &Invoice) {
    let heading = format!("{} {}", kind(invoice), invoice.number);
    let part = sheet.note_heading(1, &heading);
    let style = Style { color: ACCENT, ..Style::bold(24.0) };
    sheet.text_right(Some(part), RIGHT, sheet.y - 5.0, kind(invoice), style);
    sheet.y += style.leading() - 4.0;
    for line in Style::grey(11.0).wrap(&invoice.number, RIGHT - MIDDLE) {
        sheet.text_right(Some(part), RIGHT, sheet.y, &line, Style::grey(11.0));
        sheet.y += Style::grey(11.0).leading();
    }
}

fn seller(sheet: &mut Sheet, seller: &Party) {
    let part = sheet.add(None, Role::Paragraph);
    let width = MIDDLE - LEFT - 24.0;
    sheet.paragraph(part, LEFT, width, &seller.name, Style::bold(13.0));
    sheet.y += 2.0;
    for line in address(seller).into_iter().chain(identifiers(seller)).chain(seller.email.clone()) {
        let part = sheet.add(None, Role::Paragraph);
        sheet.paragraph(part, LEFT, width, &line, SMALL);
    }
}

fn buyer(sheet: &mut Sheet, buyer: &Party) {
    let width = MIDDLE - LEFT - 24.0;
    let label = sheet.note_heading(2, "Bill to");
    sheet.paragraph(label, LEFT, width, "Bill to", Style { color: GREY, ..Style::bold(8.5) });
    sheet.y += 2.0;
    let part = sheet.add(None, Role::Paragraph);
    sheet.paragraph(part, LEFT, width, &buyer.name, Style::bold(10.5));
    for line in address(buyer) {
        let part = sheet.add(None, Role::Paragraph);
        sheet.paragraph(part, LEFT, width, &line, TEXT);
    }
    for line in identifiers(buyer) {
        let part = sheet.add(None, Role::Paragraph);
        sheet.paragraph(part, LEFT, width, &line, SMALL);
    }
}

fn address(party: &Party) -> Vec<String> {
    let address = &party.address;
    let city = [address.postcode.as_deref(), Some(address.city.as_str())];
    let city = city.into_iter().flatten().collect::<Vec<_>>().join(" ");
    address.lines.iter().cloned().chain([city, address.country.name.clone()]).collect()
}

fn identifiers(party: &Party) -> Vec<String> {
    let named = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name} {value}"));
    let all = [
        named("VAT ID", &party.vat_id),
        named("Tax number", &party.tax_number),
        named("Registration", &party.registration),
    ];
    all.into_iter().flatten().collect()
}

/// Numbers and dates.
fn facts(sheet: &mut Sheet, invoice: &Invoice) {
    let mut facts = vec![("Number", invoice.number.clone()), ("Date of issue", format::day(invoice.issued_on))];
    if let (Kind::Invoice, Some(due_on)) = (&invoice.kind, invoice.due_on) {
        facts.push(("Due date", format::day(due_on)));
    }
    if let Kind::CreditNote { corrects } = &invoice.kind {
        facts.push(("Corrects invoice", corrects.number.clone()));
        facts.extend(corrects.issued_on.map(|issued_on| ("Issued on", format::day(issued_on))));
    }
    facts.extend(invoice.period.map(|period| ("Billing period", format::period(period))));
    facts.extend(invoice.buyer_reference.clone().map(|reference| ("Your reference", reference)));
    facts.extend(invoice.order_reference.clone().map(|order| ("Your order", order)));
    for (name, value) in facts {
        let part = sheet.add(None, Role::Paragraph);
        fact(sheet, part, name, &value);
    }
}

fn fact(sheet: &mut Sheet, part: Part, name: &str, value: &str) {
    sheet.need(TEXT.leading());
    sheet.text(Some(part), MIDDLE, sheet.y + 0.6, name, SMALL);
    for line in TEXT.wrap(value, RIGHT - MIDDLE - 84.0) {
        sheet.need(TEXT.leading());
        sheet.text_right(Some(part), RIGHT, sheet.y, &line, TEXT);
        sheet.y += TEXT.leading();
    }
    sheet.y += 1.5;
}

/// The band with the amount, which nobody should have to look for.
fn due(sheet: &mut Sheet, invoice: &Invoice) {
    const HEIGHT: f32 = 38.0;
    sheet.need(HEIGHT);
    sheet.area(LEFT, sheet.y, WIDTH, HEIGHT, SHADE);
    sheet.area(LEFT, sheet.y, 3.0, HEIGHT, ACCENT);
    let part = sheet.add(None, Role::Paragraph);
    let label = label(invoice);
    sheet.text(Some(part), LEFT + 14.0, sheet.y + 12.0, &label, Style::plain(10.5));
    let amount = format::money(invoice.totals.due_minor, &invoice.currency);
    let style = Style::bold(17.0).fitting(&amount, WIDTH * 0.5);
    sheet.text_right(Some(part), RIGHT - 14.0, sheet.y + 7.5, &amount, style);
    sheet.y += HEIGHT + 20.0;
}

fn label(invoice: &Invoice) -> String {
    let due = invoice.totals.due_minor;
    match (&invoice.kind, invoice.due_on) {
        (Kind::CreditNote { .. }, _) => "Amount credited".into(),
        (Kind::Invoice, Some(due_on)) if due > 0 => format!("Amount due by {}", format::day(due_on)),
        (Kind::Invoice, None) if due > 0 => "Amount due".into(),
        (Kind::Invoice, _) if due < 0 => "Amount in your favour".into(),
        (Kind::Invoice, _) => "Nothing to pay".into(),
    }
}
