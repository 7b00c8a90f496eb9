//! E-mail addresses, one spelling each, so that nobody registers twice by writing theirs otherwise.

use crate::opaque::sha256;
use std::{fmt, str::FromStr};

/// RFC 5321 §4.5.3.1.3, less the angle brackets.
const LONGEST_ADDRESS: usize = 254;
/// RFC 5321 §4.5.3.1.1.
const LONGEST_LOCAL_PART: usize = 64;
/// RFC 1035 §2.3.4.
const LONGEST_LABEL: usize = 63;

/// An address of the form that public mail uses: a dot-atom (RFC 5322 §3.2.3) at a host name with a dot, in lower case.
/// Quoted local parts and address literals are refused; internationalised domains are written in punycode.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

#[derive(Debug, thiserror::Error)]
#[error("must be an e-mail address")]
pub struct NotAnEmail;

impl Email {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Stands for the address where it must not be seen.
    pub fn fingerprint(&self) -> String {
        hex::encode(&sha256(&[self.0.as_bytes()])[..16])
    }

    /// As much of the address as tells whose it is to those who know it, for what nobody can delete.
    pub fn masked(&self) -> String {
        let (local, domain) = self.0.split_once('@').unwrap_or_default();
        local.chars().take(1).chain("…@".chars()).chain(domain.chars()).collect()
    }

    /// What stands before the `@`.
    pub fn local_part(&self) -> &str {
        self.0.split_once('@').map_or("", |(local, _)| local)
    }
}

impl FromStr for Email {
    type Err = NotAnEmail;
    fn from_str(text: &str) -> Result<Self, NotAnEmail> {
        let address = text.trim().to_ascii_lowercase();
        let (local, domain) = address.rsplit_once('@').ok_or(NotAnEmail)?;
        let sound = address.len() <= LONGEST_ADDRESS && is_dot_atom(local) && is_public_host(domain);
        if sound { Ok(Self(address)) } else { Err(NotAnEmail) }
    }
}

/// An address of a person never gets into a log by accident.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}

fn is_dot_atom(local: &str) -> bool {
    let is_atom = |atom: &str| {
        !atom.is_empty() && atom.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
    };
    local.len() <= LONGEST_LOCAL_PART && local.split('.').all(is_atom)
}

fn is_public_host(domain: &str) -> bool {
    let is_label = |label: &str| {
        (1..=LONGEST_LABEL).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let top_is_a_name = domain.rsplit('.').next().is_some_and(|top| top.bytes().any(|b| b.is_ascii_alphabetic()));
    domain.contains('.') && top_is_a_name && domain.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_mailbox_has_one_spelling() {
        assert_eq!(" Ada.L+x@ACME.Test ".parse::<Email>().unwrap().as_str(), "ada.l+x@acme.test");
        assert_eq!("ada@acme.test".parse::<Email>().unwrap().local_part(), "ada");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@acme.test", "a".repeat(65));
        let wrong = [
            "",
            "ada",
            "@acme.test",
            "ada@",
            "ada@acme",
            "a b@acme.test",
            "a@b@acme.test",
            ".a@acme.test",
            "a..b@acme.test",
            "a@-acme.test",
        ];
        for text in wrong.into_iter().chain([
            "a@acme..test",
            "a@127.0.0.1",
            "ä@acme.test",
            "a@acme.test\r\nBcc: b@x.test",
            "\"a\"@acme.test",
            &long,
        ]) {
            assert!(text.parse::<Email>().is_err(), "{text}");
        }
    }

    #[test]
    fn debugging_shows_no_address() {
        assert_eq!(format!("{:?}", "ada@acme.test".parse::<Email>().unwrap()), "Email(…)");
    }
}
