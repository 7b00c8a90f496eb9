//! Binary search in a file of hashes, in the order of its lines: `<SHA-1 in hex>:<count>`. A file of 40 GB takes some
//! thirty reads.

use super::{HASH_LEN, Hash};
use anyhow::{Context, ensure};
use std::{
    fs::File,
    io::{Error, ErrorKind, Result},
    os::unix::fs::FileExt,
    path::Path,
};

/// A hash, a colon, a count that fits into 64 bits, and the end of the line.
const LONGEST_LINE: u64 = 40 + 1 + 20 + 2;
/// Lines that are looked at when it is opened, all over the file.
const SAMPLES: u64 = 1000;

pub struct HashFile {
    file: File,
    len: u64,
}

/// A line, by the offsets of its first byte and of the next line's.
struct Line {
    begin: u64,
    end: u64,
    hash: Hash,
}

impl HashFile {
    /// Refuses what is no such file, as far as samples of it can say.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let named = || format!("LEAKED_PASSWORDS_FILE: {}", path.display());
        let file = File::open(path).with_context(named)?;
        let metadata = file.metadata().with_context(named)?;
        ensure!(metadata.is_file() && metadata.len() > 0, "{}: is no file, or empty", named());
        let file = Self { file, len: metadata.len() };
        file.check().with_context(named)?;
        Ok(file)
    }

    /// Whether the hash is in the file.
    pub fn has(&self, wanted: &Hash) -> Result<bool> {
        let (mut begin, mut end) = (0, self.len);
        while begin < end {
            let line = self.line_at(begin + (end - begin) / 2)?;
            match line.hash.cmp(wanted) {
                std::cmp::Ordering::Equal => return Ok(true),
                std::cmp::Ordering::Less => begin = line.end,
                std::cmp::Ordering::Greater => end = line.begin,
            }
        }
        Ok(false)
    }

    fn check(&self) -> anyhow::Result<()> {
        let mut last: Option<Line> = None;
        for sample in 0..=SAMPLES {
            // The product of 1000 and of any file's length is far below 2^64.
            let line = self.line_at((self.len - 1) * sample / SAMPLES)?;
            if let Some(last) = &last {
                let sorted = last.hash < line.hash || last.begin == line.begin;
                ensure!(sorted, "the line at byte {} is not in the order of the hashes", line.begin);
            }
            last = Some(line);
        }
        Ok(())
    }

    /// The line that has the byte at `offset`.
    fn line_at(&self, offset: u64) -> Result<Line> {
        let from = offset.saturating_sub(LONGEST_LINE);
        let until = (offset + LONGEST_LINE).min(self.len);
        let mut bytes = vec![0; usize::try_from(until - from).unwrap_or_default()];
        self.file.read_exact_at(&mut bytes, from)?;
        let (before, after) = bytes.split_at(usize::try_from(offset - from).unwrap_or_default());
        let begin = match before.iter().rposition(|byte| *byte == b'\n') {
            Some(at) => at + 1,
            None if from == 0 => 0,
            None => return Err(malformed(offset)),
        };
        let end = match after.iter().position(|byte| *byte == b'\n') {
            Some(at) => before.len() + at + 1,
            None if until == self.len => bytes.len(),
            None => return Err(malformed(offset)),
        };
        let hash = bytes.get(begin..end).and_then(hash_of).ok_or_else(|| malformed(offset))?;
        Ok(Line { begin: from + begin as u64, end: from + end as u64, hash })
    }
}

fn hash_of(line: &[u8]) -> Option<Hash> {
    let (hex, rest) = line.split_at_checked(2 * HASH_LEN)?;
    let mut hash = [0; HASH_LEN];
    hex::decode_to_slice(hex, &mut hash).ok()?;
    matches!(rest.first(), Some(b':' | b'\r' | b'\n') | None).then_some(hash)
}

fn malformed(offset: u64) -> Error {
    Error::new(ErrorKind::InvalidData, format!("at byte {offset} is no line of the form <SHA-1 in hex>:<count>"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fmt::Write, fs, path::PathBuf};

    fn written(name: &str, text: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("auth-leaked-{}-{name}", std::process::id()));
        fs::write(&path, text).unwrap();
        path
    }

    fn hash(number: u32) -> Hash {
        let mut hash = [0; HASH_LEN];
        hash[..4].copy_from_slice(&number.to_be_bytes());
        hash
    }

    #[test]
    fn every_line_is_found_and_nothing_else() {
        for (end, count) in [("\r\n", 500), ("\n", 2), ("\n", 1)] {
            let mut text = String::new();
            for number in 1..=count {
                // Lines differ in length.
                let often = 7_u64.pow(number % 20);
                write!(text, "{}:{often}{end}", hex::encode_upper(hash(number * 10))).unwrap();
            }
            for text in [&*text, text.trim_end()] {
                let path = written("lines", text);
                let file = HashFile::open(&path).unwrap();
                for number in 0..=count * 10 + 5 {
                    let is_there = number > 0 && number % 10 == 0;
                    assert_eq!(file.has(&hash(number)).unwrap(), is_there, "{number} of {count}");
                }
                fs::remove_file(path).unwrap();
            }
        }
    }

    #[test]
    fn what_is_no_such_file_is_told() {
        let line = |number| format!("{}:1\n", hex::encode_upper(hash(number)));
        for (name, text, told) in [
            ("empty", String::new(), "empty"),
            ("words", "correct horse battery staple, and so on, and so on".to_owned(), "at byte 0 is no line"),
            ("unsorted", line(2) + &line(1), "not in the order"),
            ("cut", line(1) + &line(2)[..20], "is no line"),
            ("long", line(1) + &"x".repeat(500), "is no line"),
        ] {
            let path = written(name, &text);
            let fault = format!("{:#}", HashFile::open(&path).err().expect(name));
            assert!(fault.contains("LEAKED_PASSWORDS_FILE") && fault.contains(told), "{name}: {fault}");
            fs::remove_file(path).unwrap();
        }
        assert!(HashFile::open(Path::new("/nowhere")).is_err() && HashFile::open(Path::new("/tmp")).is_err());
    }
}
