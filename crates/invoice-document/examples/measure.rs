//! How long an invoice of so many lines takes, and how much memory: `cargo run -p invoice-document --example measure --
//! 10000 [folder]`. With a folder its files go there.
#![expect(clippy::print_stdout, reason = "a program for people")]

#[path = "../tests/it/fixtures.rs"]
mod fixtures;

use std::{env, fs, path::Path, time::Instant};

fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let count = arguments.first().and_then(|count| count.parse().ok()).expect("a number of lines");
    let invoice = fixtures::of_lines(count);
    // The first document reads the fonts.
    invoice_document::render(&fixtures::invoice()).expect("sound");
    let (before, start) = (peak_kib(), Instant::now());
    let document = invoice_document::render(&invoice).expect("sound");
    let ms = start.elapsed().as_millis();
    println!(
        "{count} lines: {ms} ms, peak {} -> {} KiB, PDF {} bytes, XML {} bytes",
        before,
        peak_kib(),
        document.pdf.len(),
        document.xml.as_deref().map_or(0, str::len)
    );
    if let Some(folder) = arguments.get(1).map(Path::new) {
        for (name, invoice) in [
            ("lines", invoice),
            ("invoice", fixtures::invoice()),
            ("credit-note", fixtures::credit_note()),
            ("texts", fixtures::texts()),
            ("yen", fixtures::in_yen()),
            ("components", fixtures::components()),
            ("extremes", fixtures::extremes()),
            ("not-subject", fixtures::not_subject()),
            ("reverse-charge", fixtures::all_taxed(fixtures::untaxed(invoice_document::TaxCategory::ReverseCharge))),
            ("exempt", fixtures::all_taxed(fixtures::untaxed(invoice_document::TaxCategory::Exempt))),
            ("export", fixtures::all_taxed(fixtures::untaxed(invoice_document::TaxCategory::Export))),
            ("zero", fixtures::all_taxed(fixtures::untaxed(invoice_document::TaxCategory::ZeroRated))),
        ] {
            let document = invoice_document::render(&invoice).expect("sound");
            fs::write(folder.join(format!("{name}.pdf")), document.pdf).expect("a folder that can be written");
            fs::write(folder.join(format!("{name}.xml")), document.xml.unwrap_or_default())
                .expect("a folder that can be written");
        }
    }
}

/// The most memory that this process has had so far (Linux).
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
