//! How to pay.

use super::{
    format,
    sheet::{ACCENT, LEFT, Sheet, Style, WIDTH},
    tree::Role,
};
use crate::model::{Invoice, Kind, Payment};

const TEXT: Style = Style::plain(9.5);
const NAME: Style = Style::grey(9.0);
const VALUE_LEFT: f32 = LEFT + 110.0;
const VALUE_WIDTH: f32 = WIDTH - 110.0;

pub(super) fn write(sheet: &mut Sheet, invoice: &Invoice) {
    let Payment { terms, link, .. } = &invoice.payment;
    // Terms of an invoice that is paid would read as if it were not.
    let terms = terms.as_ref().filter(|_| invoice.asks_for_payment() || invoice.kind != Kind::Invoice);
    let facts = facts(invoice);
    let link = link.as_ref().filter(|_| invoice.asks_for_payment());
    if facts.is_empty() && link.is_none() && terms.is_none() {
        return;
    }
    sheet.heading(if invoice.asks_for_payment() { "How to pay" } else { "Payment" }, 7.0 * TEXT.leading());
    if invoice.asks_for_payment() && (!facts.is_empty() || link.is_some()) {
        paragraph(sheet, &request(invoice));
        sheet.y += 4.0;
    }
    for (name, value) in facts {
        fact(sheet, name, &value);
    }
    if let Some(link) = link {
        pay_online(sheet, link);
    }
    if let Some(terms) = terms {
        sheet.y += 4.0;
        paragraph(sheet, terms);
    }
    sheet.y += 18.0;
}

fn request(invoice: &Invoice) -> String {
    let amount = format::money(invoice.totals.due_minor, &invoice.currency);
    match invoice.due_on {
        Some(due_on) => format!("Please pay {amount} by {}.", format::day(due_on)),
        None => format!("Please pay {amount}."),
    }
}

/// What a form of a bank asks for.
fn facts(invoice: &Invoice) -> Vec<(&'static str, String)> {
    if !invoice.asks_for_payment() {
        return Vec::new();
    }
    let mut facts = Vec::new();
    if let Some(transfer) = &invoice.payment.transfer {
        facts.push(("Account holder", transfer.account_holder.clone()));
        facts.push(("IBAN", format::iban(&transfer.iban)));
        facts.extend(transfer.bic.clone().map(|bic| ("BIC", bic)));
    }
    facts.extend(invoice.payment.reference.clone().map(|reference| ("Payment reference", reference)));
    facts
}

fn fact(sheet: &mut Sheet, name: &str, value: &str) {
    let part = sheet.add(None, Role::Paragraph);
    sheet.need(TEXT.leading());
    sheet.text(Some(part), LEFT, sheet.y + 0.5, name, NAME);
    sheet.paragraph(part, VALUE_LEFT, VALUE_WIDTH, value, Style::bold(9.5));
    sheet.y += 1.5;
}

fn pay_online(sheet: &mut Sheet, link: &str) {
    let part = sheet.add(None, Role::Paragraph);
    let target = sheet.add(Some(part), Role::Link);
    sheet.need(TEXT.leading());
    sheet.text(Some(part), LEFT, sheet.y + 0.5, "Pay online", NAME);
    let style = Style { color: ACCENT, ..TEXT };
    for line in style.wrap(link, VALUE_WIDTH) {
        sheet.need(style.leading());
        sheet.link(target, VALUE_LEFT, sheet.y, &line, style, link);
        sheet.y += style.leading();
    }
}

fn paragraph(sheet: &mut Sheet, text: &str) {
    let part = sheet.add(None, Role::Paragraph);
    sheet.paragraph(part, LEFT, WIDTH, text, TEXT);
}
