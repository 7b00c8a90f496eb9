//! Mails that were dealt with: a file with one message id a line, so that a restart neither loses nor repeats one.

use std::{
    collections::HashSet,
    fs::{File, OpenOptions},
    io::{self, Read, Seek, Write},
    path::Path,
};

/// The ids of the mails whose events are published.
pub struct Seen {
    ids: HashSet<String>,
    file: File,
}

impl Seen {
    /// Reads the file, which is made if it is not there.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        // A line cut short by a crash must not swallow the next one.
        if !text.is_empty() && !text.ends_with('\n') {
            writeln!(file)?;
        }
        Ok(Self { ids: text.lines().map(str::to_owned).collect(), file })
    }

    pub fn contains(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    pub fn add(&mut self, id: &str) -> io::Result<()> {
        writeln!(self.file, "{id}")?;
        self.ids.insert(id.to_owned());
        Ok(())
    }

    /// Forgets what the emulator has forgotten, which is everything after its restart: the file stays as small as its
    /// outbox.
    pub fn keep_only(&mut self, known: &HashSet<&str>) -> io::Result<()> {
        let before = self.ids.len();
        self.ids.retain(|id| known.contains(id.as_str()));
        if self.ids.len() < before {
            self.file.set_len(0)?;
            self.file.rewind()?;
            self.ids.iter().try_for_each(|id| writeln!(self.file, "{id}"))?;
        }
        Ok(())
    }
}
