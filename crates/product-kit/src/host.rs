//! The host that is asked for: the name in the request, without its port, in lower case.

use axum::http::{HeaderMap, Uri, header};
use std::fmt;

/// The longest name that DNS knows, in bytes (RFC 1035 §2.3.4).
const LONGEST_NAME: usize = 253;

/// A host name that could be one of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostName(String);

impl HostName {
    /// The host of a request; `None` where it names none, or none that could be one of ours.
    pub fn of(headers: &HeaderMap, uri: &Uri) -> Option<Self> {
        let header = headers.get(header::HOST).and_then(|value| value.to_str().ok());
        // HTTP/2 has it in the request's target instead.
        header.or_else(|| uri.authority().map(|authority| authority.as_str())).and_then(Self::parse)
    }

    /// Reads `host` or `host:port`.
    pub fn parse(text: &str) -> Option<Self> {
        let name = match text.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            Some(_) => return None,
            None => text,
        };
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        let label = |label: &str| {
            !label.is_empty() && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        (name.len() <= LONGEST_NAME && name.split('.').all(label)).then_some(Self(name))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether the caller is a browser that wants to see a page.
pub fn wants_html(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|accept| accept.contains("text/html"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_case_and_trailing_dot_do_not_matter() {
        for end in ["", ":8010", ".:80", ":"] {
            let text = format!("ACME.forum.localhost{end}");
            assert_eq!(HostName::parse(&text).unwrap().as_str(), "acme.forum.localhost", "{text}");
        }
        assert_eq!(HostName::parse("127.0.0.1:8010").unwrap().as_str(), "127.0.0.1");
    }

    #[test]
    fn what_could_reach_beyond_a_name_is_no_host() {
        for text in
            ":80 . a..b [::1]:80 a/../b a%2fb a:b ä.de user@host".split(' ').chain(["", "a b", &"a.".repeat(200)])
        {
            assert_eq!(HostName::parse(text), None, "{text}");
        }
    }
}
