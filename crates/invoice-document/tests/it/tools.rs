//! Programs of other people, which read what we write: `xmllint` (libxml2-utils), `pdftotext`, `pdfinfo` and
//! `pdfdetach` (poppler-utils). `cargo xtask test` installs them.

use std::{
    fmt,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
    thread,
};

/// What a program answers on its standard output, of `input`. Panics with what it complains of.
pub fn run(program: &str, arguments: &[&str], input: &[u8]) -> String {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("{program} cannot be run ({error}): install it by `cargo xtask test`"));
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_vec());
    // Both ends at once: a pipe is full after 64 KiB.
    let writer = thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    writer.join().unwrap().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Panics unless the schema of UN/CEFACT's Cross Industry Invoice (D16B) allows `xml`.
pub fn validate(xml: &str) {
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cii-d16b/data/standard/CrossIndustryInvoice_100pD16B.xsd");
    run("xmllint", &["--noout", "--nonet", "--schema", schema, "-"], xml.as_bytes());
}

/// The text of a PDF, with its places on the page kept by spaces.
pub fn text(pdf: &[u8]) -> String {
    run("pdftotext", &["-layout", "-enc", "UTF-8", "-", "-"], pdf)
}

/// What `pdfinfo` says of `name`.
pub fn info(pdf: &[u8], name: &str) -> String {
    let info = run("pdfinfo", &["-"], pdf);
    let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {name} in {info}")).trim().to_owned()
}

/// The attachment of that name. Each test has a name of its own for its files.
pub fn attachment(pdf: &[u8], test: &str, name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("invoice.pdf");
    std::fs::write(&file, pdf).unwrap();
    run("pdfdetach", &["-saveall", "-o", folder.to_str().unwrap(), file.to_str().unwrap()], b"");
    std::fs::read(folder.join(name)).unwrap()
}

/// A word and the place of its letters, in points from the top left.
pub struct Word {
    text: String,
    pub left: f32,
    pub right: f32,
    pub top: f32,
    pub bottom: f32,
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, left, right, top, bottom } = self;
        write!(f, "{text:?} from {left},{top} to {right},{bottom}")
    }
}

impl Word {
    pub fn overlaps(&self, other: &Self) -> bool {
        let beside = self.right <= other.left + 0.2 || other.right <= self.left + 0.2;
        let below = self.bottom <= other.top || other.bottom <= self.top;
        !beside && !below
    }
}

/// The words of each page.
pub fn words_on_pages(pdf: &[u8]) -> Vec<Vec<Word>> {
    let boxes = run("pdftotext", &["-bbox", "-enc", "UTF-8", "-", "-"], pdf);
    let page = |page: &str| page.lines().filter_map(|line| word(line.trim())).collect();
    boxes.split("<page ").skip(1).map(page).collect()
}

/// `<word xMin="1" yMin="2" xMax="3" yMax="4">text</word>`
fn word(line: &str) -> Option<Word> {
    let mut parts = line.strip_prefix("<word ")?.split('"');
    let mut number = || parts.nth(1)?.parse::<f32>().ok();
    let (left, top, right, bottom) = (number()?, number()?, number()?, number()?);
    let text = parts.next()?.trim_start_matches('>').trim_end_matches("</word>").to_owned();
    // The box of a font has room above and below its letters.
    let room = (bottom - top) * 0.2;
    Some(Word { text, left, right, top: top + room, bottom: bottom - room })
}
