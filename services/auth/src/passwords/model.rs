//! Strength of a password: length, and not what everybody would try first; no composition rules (NIST SP 800-63B
//! §3.1.1.2).

use common::problem::FieldError;
use secrecy::{ExposeSecret, SecretString};
use std::{collections::HashSet, sync::LazyLock};

/// In characters; a password is the only factor there is.
pub const SHORTEST: usize = 15;
/// In characters; far beyond any passphrase.
pub const LONGEST: usize = 256;
/// Shorter words of the user's own would be found in passwords by accident.
const SHORTEST_OWN_WORD: usize = 3;
/// Shorter ones count only where they stand alone: `eve` is in `seven`.
const SHORTEST_WORD_WITHIN_WORDS: usize = 4;
/// Shorter ones would be found across the gaps between other words.
const SHORTEST_WORD_ACROSS_GAPS: usize = 6;
/// A password that is one group of at most this many characters over and over is as weak as the group.
const LONGEST_REPEATED_GROUP: usize = 8;

/// One a line, in lower case.
static COMMON: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("common.txt").lines().filter(|line| !line.is_empty()).collect());

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    #[error("must have at least {SHORTEST} characters")]
    TooShort,
    #[error("must have at most {LONGEST} characters")]
    TooLong,
    #[error("is one of the passwords that are tried first")]
    Common,
    #[error("must not contain your e-mail address or your tenant's name")]
    Personal,
}

impl Weakness {
    /// Stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooShort => "too_short",
            Self::TooLong => "too_long",
            Self::Common => "too_common",
            Self::Personal => "too_personal",
        }
    }
}

/// What is wrong with `password` for somebody whom `own_words` describe; `None` if nothing is.
pub fn weakness(password: &str, own_words: &[&str]) -> Option<Weakness> {
    let length = password.chars().count();
    if length < SHORTEST {
        return Some(Weakness::TooShort);
    }
    if length > LONGEST {
        return Some(Weakness::TooLong);
    }
    let password = password.to_lowercase();
    if COMMON.contains(password.as_str()) || is_one_group_repeated(&password) {
        return Some(Weakness::Common);
    }
    own_words.iter().any(|word| is_inside(&word.to_lowercase(), &password)).then_some(Weakness::Personal)
}

/// Takes a new password, noting what is wrong with it.
pub fn read(
    field: &str,
    password: Option<SecretString>,
    own_words: &[&str],
    faults: &mut Vec<FieldError>,
) -> Option<SecretString> {
    let Some(password) = password else {
        faults.push(FieldError::new(field, "missing", "is required"));
        return None;
    };
    match weakness(password.expose_secret(), own_words) {
        None => Some(password),
        Some(weakness) => {
            faults.push(FieldError::new(field, Weakness::code(&weakness), weakness.to_string()));
            None
        }
    }
}

fn is_inside(word: &str, password: &str) -> bool {
    let (word, squeezed) = (word.trim(), squeeze(word));
    let length = squeezed.chars().count();
    let alone = || password.split(|c: char| !c.is_alphanumeric()).any(|part| part == word);
    let within = || length >= SHORTEST_WORD_WITHIN_WORDS && password.contains(word);
    let across = || length >= SHORTEST_WORD_ACROSS_GAPS && squeeze(password).contains(&squeezed);
    length >= SHORTEST_OWN_WORD && (alone() || within() || across())
}

fn squeeze(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

fn is_one_group_repeated(password: &str) -> bool {
    let characters: Vec<char> = password.chars().collect();
    (1..=LONGEST_REPEATED_GROUP).any(|group| characters.iter().zip(characters.iter().skip(group)).all(|(a, b)| a == b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_uncommon_is_all_that_is_asked() {
        assert_eq!(weakness("correct horse battery", &["ada", "Acme"]), None);
        assert_eq!(weakness("🐎 correct 🔋 staple", &[]), None);
        assert_eq!(weakness("fourteen chars", &[]), Some(Weakness::TooShort));
        assert_eq!(weakness(&"é".repeat(14), &[]), Some(Weakness::TooShort));
        assert_eq!(weakness(&"x".repeat(257), &[]), Some(Weakness::TooLong));
    }

    #[test]
    fn what_everybody_tries_is_refused_in_any_case() {
        for password in [
            "passwordpassword",
            "PasswordPassword",
            "123456789012345",
            "qwertyuiopasdfgh",
            "aaaaaaaaaaaaaaa",
            "abc123abc123abc1",
        ] {
            assert_eq!(weakness(password, &[]), Some(Weakness::Common), "{password}");
        }
    }

    #[test]
    fn own_words_are_refused_however_they_are_written() {
        for password in ["i am ADA, and nobody else", "the best of big  corp ever", "a.d.a. works for bigcorp"] {
            assert_eq!(weakness(password, &["ada", "Big Corp"]), Some(Weakness::Personal), "{password}");
        }
        assert_eq!(weakness("a banana data centre in adamstown", &["ba", "", "ada", "acen"]), None);
        assert_eq!(weakness("a banana data centre", &["anan"]), Some(Weakness::Personal));
    }

    #[test]
    fn the_list_is_in_lower_case_and_without_doubles() {
        let lines: Vec<&str> = include_str!("common.txt").lines().collect();
        assert!(lines.len() > 300, "{}", lines.len());
        assert_eq!(lines.len(), COMMON.len());
        for line in lines {
            assert_eq!(line, line.to_lowercase().trim());
            assert!(line.len() >= 8, "{line}");
        }
    }
}
