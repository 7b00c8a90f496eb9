//! Secrets of a stack: random ones, made at first use and kept in a file that only its owner can read.

use crate::files;
use anyhow::Result;
use aws_lc_rs::digest;
use base64::{Engine, prelude::BASE64_STANDARD};
use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    path::{Path, PathBuf},
};

pub struct Secrets {
    file: PathBuf,
    values: BTreeMap<String, String>,
}

impl Secrets {
    pub fn open(folder: &Path) -> Result<Self> {
        let file = folder.join("secrets.json");
        Ok(Self { values: files::read_json(&file)?.unwrap_or_default(), file })
    }

    /// A password: hexadecimal, so that it needs no quoting in a URL or in SQL.
    pub fn password(&mut self, name: &str) -> Result<String> {
        self.get(name, |bytes| hex::encode(bytes))
    }

    /// A 256-bit key in base64.
    pub fn key(&mut self, name: &str) -> Result<String> {
        self.get(name, |bytes| BASE64_STANDARD.encode(bytes))
    }

    fn get(&mut self, name: &str, encode: impl Fn(&[u8]) -> String) -> Result<String> {
        if let Some(value) = self.values.get(name) {
            return Ok(value.clone());
        }
        let mut bytes = [0; 32];
        fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        let value = encode(&bytes);
        self.values.insert(name.to_owned(), value.clone());
        files::write_json(&self.file, &self.values)?;
        Ok(value)
    }
}

/// SHA-256, in hexadecimal.
pub fn sha256(text: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_the_one_of_fips_180() {
        assert_eq!(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn a_secret_stays_the_same_and_is_nobody_elses() {
        use std::os::unix::fs::MetadataExt;
        let folder = std::env::temp_dir().join(format!("xtask-secrets-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let first = Secrets::open(&folder).unwrap().password("auth").unwrap();
        assert_eq!(Secrets::open(&folder).unwrap().password("auth").unwrap(), first);
        assert_ne!(Secrets::open(&folder).unwrap().password("billing").unwrap(), first);
        assert_eq!(fs::metadata(folder.join("secrets.json")).unwrap().mode() & 0o777, 0o600);
        fs::remove_dir_all(&folder).unwrap();
    }
}
