//! Host names: labels of RFC 1123 §2.1, at least two, in lower case; no address and no port.

use std::{fmt, str::FromStr};

/// Longest name (RFC 1035 §2.3.4, without the trailing dot).
const LONGEST: usize = 253;
const LONGEST_LABEL: usize = 63;

/// A host that an instance can live on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostName(String);

/// Why a text is no host name, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a host name such as forum.example.com: {0}")]
pub struct NotAHostName(&'static str);

impl FromStr for HostName {
    type Err = NotAHostName;

    fn from_str(text: &str) -> Result<Self, NotAHostName> {
        let labels: Vec<_> = text.split('.').collect();
        if text.is_empty() || text.len() > LONGEST {
            return Err(NotAHostName("1 to 253 characters"));
        }
        if labels.iter().any(|label| label.is_empty() || label.len() > LONGEST_LABEL) {
            return Err(NotAHostName("each label has 1 to 63 characters"));
        }
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.')) {
            return Err(NotAHostName("letters, digits, '-' and '.' only, and no port"));
        }
        if labels.iter().any(|label| label.starts_with('-') || label.ends_with('-')) {
            return Err(NotAHostName("no label begins or ends with '-'"));
        }
        if labels.len() < 2 {
            return Err(NotAHostName("at least two labels"));
        }
        // Resolvers take a last label that looks like a number for an IPv4 address (WHATWG URL §3.5).
        if labels.last().is_some_and(|last| is_number(last)) {
            return Err(NotAHostName("not an IP address"));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

fn is_number(label: &str) -> bool {
    let hex = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    hex.map_or_else(
        || label.bytes().all(|b| b.is_ascii_digit()),
        |digits| digits.bytes().all(|b| b.is_ascii_hexdigit()),
    )
}

impl HostName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_in_lower_case() {
        let longest = format!("{}.{}.de", vec!["a".repeat(62); 3].join("."), "a".repeat(61));
        let names = "acme.forum.localhost a.b 3com.com xn--mnchen-3ya.de a-b.c-d.e 1.2.3.com 0xg.a";
        for text in names.split(' ').chain([&*longest]) {
            assert_eq!(text.parse::<HostName>().map(|host| host.to_string()), Ok(text.to_owned()));
        }
        assert_eq!("Acme.Forum.Localhost".parse::<HostName>().unwrap().as_str(), "acme.forum.localhost");
    }

    #[test]
    fn everything_else_is_refused() {
        let (label, long) = (format!("{}.de", "a".repeat(64)), format!("{}.de", vec!["a".repeat(62); 4].join(".")));
        let refused = ". localhost a..b .a.b a.b. -a.b a-.b a.-b a_b.c a.b:80 http://a.b a.b/c münchen.de 127.0.0.1 \
                       1.2.3.4 \
                       a.1 a.0x1f [::1] ::1 *.a.b a.b@c";
        for text in refused.split(' ').chain(["", "a b.c", "a.b\n", &label, &long]) {
            assert!(text.parse::<HostName>().is_err(), "{text}");
        }
    }
}
