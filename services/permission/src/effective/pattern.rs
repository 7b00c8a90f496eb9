//! Patterns of permissions: a name, or all of a namespace.

use std::{fmt, str::FromStr};

/// One permission, or all of a namespace that is not dangerous, also what comes later.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pattern {
    Name(String),
    Namespace(String),
}

#[derive(Debug, thiserror::Error)]
#[error("a pattern is written forum.addPost or forum.*")]
pub struct NotAPattern;

impl FromStr for Pattern {
    type Err = NotAPattern;
    fn from_str(text: &str) -> Result<Self, NotAPattern> {
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric());
        match text.split_once('.') {
            Some((namespace, _)) if !plain(&namespace.replace('-', "x")) => Err(NotAPattern),
            Some((namespace, "*")) => Ok(Self::Namespace(namespace.to_owned())),
            Some((_, action)) if plain(action) => Ok(Self::Name(text.to_owned())),
            _ => Err(NotAPattern),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Namespace(namespace) => write!(f, "{namespace}.*"),
        }
    }
}

pub fn namespace_of(name: &str) -> &str {
    name.split_once('.').map_or(name, |(namespace, _)| namespace)
}
