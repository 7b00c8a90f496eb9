//! The command `extract`: what does it read in a file, and what does it say of one that it can't read?

use crate::samples::{encrypted, many_pages, pdf};
use serde_json::{Value, json};
use std::{
    env, fs, process,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

/// What the command writes about a file with these bytes, or its exit code and the last line that it says.
pub fn extract(bytes: &[u8]) -> Result<Value, (i32, String)> {
    static FILES: AtomicU32 = AtomicU32::new(0);
    let name = format!("sevenleague-pdf-{}-{}.pdf", process::id(), FILES.fetch_add(1, Relaxed));
    let file = env::temp_dir().join(name);
    fs::write(&file, bytes).unwrap();
    let output = process::Command::new(env!("CARGO_BIN_EXE_pdf")).arg("extract").arg(&file).output();
    fs::remove_file(&file).unwrap();
    let output = output.unwrap();
    if output.status.success() {
        return Ok(serde_json::from_slice(&output.stdout).expect("JSON"));
    }
    let said = String::from_utf8(output.stderr).unwrap();
    Err((output.status.code().unwrap_or_default(), said.lines().last().unwrap_or_default().to_owned()))
}

#[track_caller]
fn refused(bytes: &[u8], reason: &str) {
    assert_eq!(extract(bytes), Err((65, reason.to_owned())));
}

#[test]
fn text_and_tables_are_read_page_by_page() {
    let invoice = [
        (72, 720, "Invoice 17"),
        (72, 680, "Item"),
        (300, 680, "Price"),
        (72, 664, "Kettle"),
        (300, 664, "9.50"),
        (72, 648, "Cup"),
        (300, 648, "0.50"),
        (72, 600, "Thank you."),
    ];
    let read = extract(&pdf(&[&invoice, &[(72, 720, "The second page")], &[]])).unwrap();
    let text = "Invoice 17\n\nItem\tPrice\nKettle\t9.50\nCup\t0.50\n\nThank you.";
    assert_eq!(
        read["pages"],
        json!([
            {"number": 1, "text": text, "tables": [[["Item", "Price"], ["Kettle", "9.50"], ["Cup", "0.50"]]]},
            {"number": 2, "text": "The second page", "tables": []},
            {"number": 3, "text": "", "tables": []},
        ])
    );
}

#[test]
fn what_is_no_pdf_is_refused_with_its_reason() {
    let unreadable = "The file is not a PDF, or it is damaged.";
    for bytes in [&b""[..], b"%PDF-1.4\n", b"\x89PNG\r\n", &[0; 10_000]] {
        refused(bytes, unreadable);
    }
    refused(&encrypted(), "The file is encrypted. Remove its password and upload it again.");
    refused(&many_pages(10_000), "The file has 10000 pages; at most 1000 are read.");
    refused(&vec![b'x'; (32 << 20) + 1], "The file is larger than 32 MiB.");
}

#[test]
fn a_file_may_have_a_thousand_pages() {
    let read = extract(&many_pages(1_000)).unwrap();
    let pages = read["pages"].as_array().unwrap();
    assert_eq!((pages.len(), &pages[999]), (1_000, &json!({"number": 1000, "text": "Again", "tables": []})));
}

#[test]
fn a_file_that_is_cut_off_or_spoilt_anywhere_ends_in_one_of_two_ways() {
    let whole = pdf(&[&[(72, 720, "Whole")]]);
    let spoilt = |place: usize| {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x15;
        bytes
    };
    let step = whole.len() / 12;
    for place in (0..whole.len()).step_by(step) {
        for bytes in [whole[..place].to_vec(), spoilt(place)] {
            assert!(matches!(extract(&bytes), Ok(_) | Err((65, _))), "at {place}: {:?}", extract(&bytes));
        }
    }
}
