//! The bundle's command `extract`: a PDF file in, the text and the tables of its pages out, as JSON.
//!
//! The worker runs it once a file, below a supervisor that limits its time and memory, and hands what it writes to the
//! function `take_result` of the instance's database. A file that cannot be read ends it with [`REFUSED`]; the last
//! line of its error output is the reason, a sentence for whoever uploaded the file.
//!
//! | module | answers |
//! | --- | --- |
//! | [`glyphs`] | what is drawn where on a page? |
//! | [`lines`] | which glyphs are a word, and which a line? |
//! | [`tables`] | which lines are rows of a table? |

mod glyphs;
mod lines;
mod tables;

use hayro_interpret::{
    InterpreterCache,
    hayro_syntax::{DecryptionError, LoadPdfError, Pdf},
};
use serde::Serialize;
use service_kit::Command;
use std::{fs, io, panic, process::ExitCode};
use tables::Table;

pub const EXTRACT: Command = Command {
    name: "extract",
    about: "Write the text and the tables of a PDF file as JSON; for the worker",
    argument: Some("FILE"),
    settings: Vec::new,
    run,
};

/// Bytes of a file.
pub const LARGEST_FILE: u64 = 32 * 1024 * 1024;
/// Pages of a file.
const MOST_PAGES: usize = 1_000;
/// Bytes of text of all pages of a file, tables included.
const MOST_TEXT: usize = 4 * 1024 * 1024;
/// Exit code for a file that can't be read, now or later (`EX_DATAERR` of sysexits.h).
const REFUSED: u8 = 65;

#[derive(Serialize)]
struct Extracted {
    pages: Vec<Page>,
}

#[derive(Serialize)]
struct Page {
    /// From 1.
    number: usize,
    /// Lines from top to bottom; a tab between what stands far apart.
    text: String,
    tables: Vec<Table>,
}

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("The file is larger than {} MiB.", LARGEST_FILE >> 20)]
    TooLarge,
    #[error("The file is not a PDF, or it is damaged.")]
    Unreadable,
    #[error("The file is encrypted. Remove its password and upload it again.")]
    Encrypted,
    #[error("The file is encrypted in a way that is not supported.")]
    UnknownEncryption,
    #[error("The file has {0} pages; at most {MOST_PAGES} are read.")]
    TooManyPages(usize),
    #[error("Page {0} has more than {most} characters.", most = glyphs::MOST)]
    FullPage(usize),
    #[error("The file has more than {} MiB of text.", MOST_TEXT >> 20)]
    TooMuchText,
}

#[expect(clippy::print_stderr, reason = "it is for the worker")]
fn run(file: Option<String>) -> ExitCode {
    let bytes = match read(&file.unwrap_or_default()) {
        Ok(bytes) => bytes,
        Err(error) => {
            eprintln!("the file cannot be read: {error}");
            return ExitCode::FAILURE;
        }
    };
    // What a library panics at is no matter of ours; its message would stand before the reason.
    panic::set_hook(Box::new(|_| ()));
    let extracted = panic::catch_unwind(|| extract(bytes)).unwrap_or(Err(Refusal::Unreadable));
    match extracted.map(|extracted| serde_json::to_writer(io::stdout().lock(), &extracted)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(_)) => ExitCode::FAILURE,
        Err(refusal) => {
            eprintln!("{refusal}");
            ExitCode::from(REFUSED)
        }
    }
}

/// `None` for a file that is too large.
fn read(file: &str) -> io::Result<Option<Vec<u8>>> {
    (fs::metadata(file)?.len() <= LARGEST_FILE).then(|| fs::read(file)).transpose()
}

fn extract(bytes: Option<Vec<u8>>) -> Result<Extracted, Refusal> {
    let pdf = Pdf::new(bytes.ok_or(Refusal::TooLarge)?).map_err(|error| match error {
        LoadPdfError::Invalid => Refusal::Unreadable,
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => Refusal::Encrypted,
        LoadPdfError::Decryption(_) => Refusal::UnknownEncryption,
    })?;
    if pdf.pages().len() > MOST_PAGES {
        return Err(Refusal::TooManyPages(pdf.pages().len()));
    }
    let (cache, mut pages, mut left) = (InterpreterCache::new(), Vec::new(), MOST_TEXT);
    for (number, page) in (1..).zip(pdf.pages().iter()) {
        let glyphs = glyphs::of(page, pdf.xref(), &cache).ok_or(Refusal::FullPage(number))?;
        let lines = lines::of(glyphs);
        let (text, tables) = (lines::text(&lines), tables::of(&lines));
        let cells = tables.iter().flatten().flatten().map(String::len);
        left = left.checked_sub(text.len() + cells.sum::<usize>()).ok_or(Refusal::TooMuchText)?;
        pages.push(Page { number, text, tables });
    }
    Ok(Extracted { pages })
}
