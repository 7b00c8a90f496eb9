//! The PDF: what people read in it, and what programs do.

use crate::{
    fixtures,
    tools::{attachment, info, run, text, words_on_pages},
};
use invoice_document::{Currency, Document, Invoice, Price, render};

fn document(invoice: &Invoice) -> Document {
    render(invoice).unwrap()
}

/// The text of an invoice without the spaces that place it.
fn words(invoice: &Invoice) -> String {
    text(&document(invoice).pdf).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn assert_has(text: &str, wanted: &[&str]) {
    for wanted in wanted {
        assert!(text.contains(wanted), "no {wanted:?} in {text}");
    }
}

#[test]
fn a_person_finds_what_to_pay_and_how() {
    let text = words(&fixtures::invoice());
    assert_has(
        &text,
        &[
            "Sevenleague GmbH",
            "Große Elbstraße 27",
            "Łódzkie Zakłady Żelazne Sp. z o.o.",
            "VAT ID PL5260250274",
            "2026-000042",
            "1 December 2026",
            "1 Nov 2026 – 30 Nov 2026",
            "Amount due by 15 December 2026 EUR 202.22",
            "12,500 post see details 19% 90.00",
            "Next 2,500 posts at EUR 0.0040: EUR 10.00",
            "212.5 GB 0.12 7% 25.50",
            "-300 minute 0.005 19% -1.50",
            "Loyalty discount 10 % on the plan -4.90",
            "VAT 19% 147.00 27.93",
            "Please pay EUR 202.22 by 15 December 2026.",
            "IBAN DE89 3704 0044 0532 0130 00",
            "BIC COBADEFFXXX",
            "Payment reference 2026-000042",
            "https://pay.sevenleague.test/invoices/0197c1d2-6a40-7c3e-9d55-1b7a1c9f3e21",
            "Page 1 of 2",
        ],
    );
}

#[test]
fn a_credit_note_asks_for_nothing() {
    let text = words(&fixtures::credit_note());
    assert_has(&text, &["Credit note", "Corrects invoice 2026-000042", "Amount credited EUR 75.45", "Page 1 of 1"]);
    assert!(!text.contains("IBAN") && !text.contains("Please pay"), "{text}");
}

#[test]
fn money_that_was_paid_already_is_not_asked_for_again() {
    let mut invoice = fixtures::invoice();
    (invoice.totals.prepaid_minor, invoice.totals.due_minor) = (invoice.totals.with_tax_minor, 0);
    let text = words(&invoice);
    assert_has(&text, &["Nothing to pay EUR 0.00", "Already paid -202.22"]);
    assert!(!text.contains("Please pay") && !text.contains("IBAN"), "{text}");
}

#[test]
fn currencies_without_decimal_places_have_none() {
    assert_has(&words(&fixtures::in_yen()), &["JPY 18,684", "4,900.4 19% 14,701", "Setup 1,000"]);
}

/// EN 16931 has no amounts of three decimal places; who buys in dinars gets an invoice all the same.
#[test]
fn a_currency_that_the_standard_lacks_has_a_pdf_alone() {
    let mut invoice = fixtures::in_yen();
    invoice.currency = Currency { code: "KWD".into(), exponent: 3 };
    invoice.lines[0].price = Price::Unit(fixtures::decimal("4.9004"));
    let document = document(&invoice);
    assert!(document.xml.is_none());
    assert_has(&text(&document.pdf), &["KWD 18.684", "14.701"]);
    let metadata = run("pdfinfo", &["-meta", "-"], &document.pdf);
    assert!(!metadata.contains("factur-x") && metadata.contains("<pdfaid:part>3"), "{metadata}");
}

#[test]
fn greek_and_cyrillic_and_long_texts_are_all_there() {
    let invoice = fixtures::texts();
    let document = document(&invoice);
    let text = run("pdftotext", &["-raw", "-enc", "UTF-8", "-", "-"], &document.pdf);
    let joined = text.split_whitespace().collect::<String>();
    let squeezed = |text: &str| text.split_whitespace().collect::<String>();
    for wanted in
        [&invoice.buyer.name, &invoice.seller.name, &invoice.lines[0].description, &invoice.lines[1].description]
    {
        assert!(joined.contains(&squeezed(wanted)), "no {wanted:?} in {text}");
    }
    for detail in &invoice.lines[2].details {
        assert!(joined.contains(&squeezed(detail)), "no {detail:?}");
    }
    assert_eq!(text.matches("sentence that is repeated").count(), 170);
    assert!(document.unprintable.is_empty());
}

#[test]
fn a_character_without_a_glyph_is_told_and_can_still_be_copied() {
    let mut invoice = fixtures::invoice();
    invoice.buyer.name = "株式会社 Example".into();
    let document = document(&invoice);
    assert_eq!(document.unprintable.iter().collect::<String>(), "会式株社");
    assert!(document.xml.unwrap().contains("株式会社 Example"));
    assert_has(&text(&document.pdf), &["株式会社 Example"]);
}

#[test]
fn pages_are_numbered_and_repeat_the_head_of_the_table() {
    let document = document(&fixtures::of_lines(1_000));
    let pages: usize = info(&document.pdf, "Pages").parse().unwrap();
    let text = text(&document.pdf);
    let each: Vec<_> = text.split_terminator('\u{c}').collect();
    assert_eq!(each.len(), pages);
    for (number, page) in (1..).zip(&each) {
        assert_has(page, &[&format!("Page {number} of {pages}"), "2026-000042"]);
        assert!(page.contains("Unit price") || !page.contains("Forum of instance"), "{page}");
    }
    let number = |rest: &str| rest.split(',').next().unwrap().parse::<usize>().unwrap();
    let numbers: Vec<_> = text.split("Forum of instance ").skip(1).map(number).collect();
    assert!(numbers.iter().copied().eq(1..=1_000), "{numbers:?}");
}

#[test]
fn the_xml_is_attached() {
    let document = document(&fixtures::invoice());
    assert_eq!(attachment(&document.pdf, "the_xml_is_attached", "factur-x.xml"), document.xml.unwrap().as_bytes());
}

#[test]
fn the_metadata_say_factur_x_in_pdf_a_and_pdf_ua() {
    let document = document(&fixtures::invoice());
    let metadata = run("pdfinfo", &["-meta", "-"], &document.pdf);
    run("xmllint", &["--noout", "--nonet", "-"], metadata.as_bytes());
    assert_has(
        &metadata,
        &[
            "<pdfaid:part>3</pdfaid:part><pdfaid:conformance>A</pdfaid:conformance><pdfuaid:part>1</pdfuaid:part>",
            "xmlns:fx=\"urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#\"",
            "<fx:DocumentType>INVOICE</fx:DocumentType><fx:DocumentFileName>factur-x.xml</fx:DocumentFileName>",
            "<fx:ConformanceLevel>EN 16931</fx:ConformanceLevel>",
            "<pdfaSchema:prefix>fx</pdfaSchema:prefix>",
        ],
    );
    let file = String::from_utf8_lossy(&document.pdf);
    assert_has(&file, &["/AFRelationship/Alternative", "/AF[", "/Subtype/text#2Fxml"]);
    assert_eq!(
        ["Title", "Author", "Tagged", "Page size"].map(|name| info(&document.pdf, name)),
        ["Invoice 2026-000042", "Sevenleague GmbH", "yes", "595.28 x 841.89 pts (A4)"]
    );
}

/// `startxref` and the table of objects must still be right after the metadata were made longer.
#[test]
fn every_object_is_where_the_table_says() {
    let pdf = document(&fixtures::invoice()).pdf;
    let file = String::from_utf8_lossy(&pdf);
    let start: usize = file.rsplit("startxref\n").next().unwrap().lines().next().unwrap().parse().unwrap();
    assert!(pdf[start..].starts_with(b"xref\n"));
    let table = std::str::from_utf8(&pdf[start..]).unwrap();
    let entries: Vec<_> = table.lines().skip(2).take_while(|line| *line != "trailer").collect();
    assert!(entries.len() > 100, "{table}");
    for (number, entry) in entries.iter().enumerate().filter(|(_, entry)| entry.trim_end().ends_with('n')) {
        let offset: usize = entry[..10].parse().unwrap();
        assert!(pdf[offset..].starts_with(format!("{number} 0 obj").as_bytes()), "object {number} at {offset}");
    }
}

#[test]
fn the_structure_can_be_read_aloud() {
    let pdf = document(&fixtures::invoice()).pdf;
    let structure = run("pdfinfo", &["-struct-text", "-"], &pdf);
    let place = |wanted: &str| structure.find(wanted).unwrap_or_else(|| panic!("no {wanted:?} in {structure}"));
    let order =
        ["H1", "\"Bill to\"", "Table", "THead", "\"Description\"", "TBody", "\"How to pay\"", "Link"].map(place);
    assert!(order.is_sorted(), "{structure}");
}

/// What a reader would call a mess: words over words, or beyond the edge of the page.
#[test]
fn no_word_lies_on_another_or_leaves_the_page() {
    for invoice in [fixtures::invoice(), fixtures::texts(), fixtures::components(), fixtures::extremes()] {
        for (number, page) in (1..).zip(words_on_pages(&document(&invoice).pdf)) {
            for (index, word) in page.iter().enumerate() {
                assert!(word.left >= 40.0 && word.right <= 556.0, "page {number}: {word:?}");
                assert!(word.top >= 30.0 && word.bottom <= 815.0, "page {number}: {word:?}");
                let over = page[..index].iter().find(|other| other.overlaps(word));
                assert!(over.is_none(), "page {number}: {word:?} lies on {over:?}");
            }
        }
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let (one, two) = (document(&fixtures::texts()), document(&fixtures::texts()));
    assert!(one.pdf == two.pdf && one.xml == two.xml);
    assert!(one.pdf != document(&fixtures::invoice()).pdf);
}
