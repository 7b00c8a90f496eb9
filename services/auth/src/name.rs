//! Names of people and tenants: short lines of text that are safe to put into a mail.

use std::str::FromStr;

/// In characters; long enough for any real name, too short for an advertisement.
const LONGEST_NAME: usize = 100;

/// The name of a person or of a tenant, as they wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum NotAName {
    #[error("is required")]
    Missing,
    #[error("must be at most {LONGEST_NAME} characters")]
    TooLong,
    #[error("must be a name on one line, without links")]
    NotPlain,
}

impl Name {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl NotAName {
    /// Stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::TooLong => "too_long",
            Self::NotPlain => "malformed",
        }
    }
}

impl FromStr for Name {
    type Err = NotAName;
    fn from_str(text: &str) -> Result<Self, NotAName> {
        let name = text.trim();
        match name {
            "" => Err(NotAName::Missing),
            _ if name.chars().count() > LONGEST_NAME => Err(NotAName::TooLong),
            // Names of strangers stand in mails that we send: they must not carry a link or another header.
            _ if name.contains("://") || name.chars().any(char::is_control) => Err(NotAName::NotPlain),
            _ => Ok(Self(name.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_short() {
        assert_eq!("  Ada Lovelace ".parse::<Name>().unwrap().as_str(), "Ada Lovelace");
        assert_eq!(" ".parse::<Name>(), Err(NotAName::Missing));
        assert_eq!("x".repeat(101).parse::<Name>(), Err(NotAName::TooLong));
        for text in ["Win at https://evil.test", "a\nb"] {
            assert_eq!(text.parse::<Name>(), Err(NotAName::NotPlain));
        }
    }
}
