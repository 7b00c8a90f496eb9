//! Names of objects and files: an object's key below the prefix of its instance, and what it is called on disk.
//!
//! Whoever reads one has one that stays where it belongs: no segment begins with a dot, so none leads elsewhere.

use crate::id::{InstanceId, TenantId};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Longest key, in bytes; S3 takes 1,024 with the prefix
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>).
pub const LONGEST_KEY: usize = 200;
/// Longest name of a file, in bytes.
pub const LONGEST_NAME: usize = 100;

/// A text is no key or no name of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoName {
    #[error(
        "a key is up to {LONGEST_KEY} bytes of A-Z, a-z, 0-9, '.', '_' and '-', in segments parted by '/' that begin \
         with no '.'"
    )]
    Key,
    #[error("a file's name is up to {LONGEST_NAME} bytes of A-Z, a-z, 0-9, '.', '_' and '-', and begins with no '.'")]
    File,
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident: $fits:expr, $fault:expr);+ $(;)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NoName;
            fn try_from(text: String) -> Result<Self, NoName> {
                let fits: fn(&str) -> bool = $fits;
                if fits(&text) { Ok(Self(text)) } else { Err($fault) }
            }
        }

        impl FromStr for $name {
            type Err = NoName;
            fn from_str(text: &str) -> Result<Self, NoName> {
                text.to_owned().try_into()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

names! {
    /// Names an object of an instance, without the prefix: `files/0190a5d0.pdf`.
    ObjectKey: |text| text.len() <= LONGEST_KEY && text.split('/').all(is_segment), NoName::Key;
    /// What a file is called in its folder: `file.pdf`.
    FileName: |text| text.len() <= LONGEST_NAME && is_segment(text), NoName::File;
}

fn is_segment(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    !text.is_empty() && !text.starts_with('.') && text.bytes().all(plain)
}

/// What the keys of all objects of an instance begin with.
pub fn prefix(service: &str, tenant: TenantId, instance: InstanceId) -> String {
    format!("{service}/{tenant}/{instance}/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stays_below_its_prefix() {
        for key in ["a", "files/0190.pdf", "a/b/c_D-9"] {
            assert_eq!(key.parse::<ObjectKey>().unwrap().as_str(), key);
        }
        let long = "x".repeat(LONGEST_KEY + 1);
        for key in ["", "/", "/a", "a/", "a//b", "..", "../a", "a/../b", "a/.", ".a", "a b", "ä", "a%2e", "a\\b", &long]
        {
            assert_eq!(key.parse::<ObjectKey>(), Err(NoName::Key), "{key}");
        }
    }

    #[test]
    fn a_file_stays_in_its_folder() {
        assert!("file.pdf".parse::<FileName>().is_ok());
        for name in ["", ".", "..", ".hidden", "a/b", "/a", "a\0", &"x".repeat(LONGEST_NAME + 1)] {
            assert_eq!(name.parse::<FileName>(), Err(NoName::File), "{name}");
        }
        assert!(serde_json::from_str::<FileName>("\"../x\"").is_err());
    }
}
