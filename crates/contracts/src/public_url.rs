//! Links that may stand in a mail: they open a page over TLS and are nothing else, so that they can also stand in a
//! header.

use std::{fmt, str::FromStr};
use url::{Host, Position, Url};

/// SES takes 996 characters for a header's name and value together (its `MessageHeader`); a name and two angle brackets
/// fit beside it.
const LONGEST: usize = 900;

/// An absolute address (RFC 3986 §4.3) of a page that people open: https, or http on this machine.
///
/// All its characters are those of RFC 3986, so it holds no blank, line break, quotation mark or angle bracket, and can
/// stand between `<` and `>` in a header (RFC 2369 §2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(String);

#[derive(Debug, thiserror::Error)]
#[error("must be an absolute https URL, or http on this machine, of at most {LONGEST} characters")]
pub struct NotAPublicUrl;

impl PublicUrl {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host alone.
    pub fn host(&self) -> String {
        Url::parse(&self.0).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
    }

    /// Scheme, host and port, as a browser writes them in `Origin` (RFC 6454 §6.2).
    pub fn origin(&self) -> String {
        Url::parse(&self.0).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PublicUrl {
    type Err = NotAPublicUrl;

    fn from_str(text: &str) -> Result<Self, NotAPublicUrl> {
        let url = Url::parse(text).map_err(|_| NotAPublicUrl)?;
        let is_local = match url.host().ok_or(NotAPublicUrl)? {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        };
        let reached = url.scheme() == "https" || url.scheme() == "http" && is_local;
        // A user's name before the host hides where a link leads, and so does what only a lenient reader takes for a
        // host.
        let plain = url.username().is_empty() && url.password().is_none();
        let as_written = plain && text.starts_with(&url[..Position::AfterHost]);
        let sound = reached && as_written && text.len() <= LONGEST && text.bytes().all(may_stand_in_a_url);
        if sound { Ok(Self(text.to_owned())) } else { Err(NotAPublicUrl) }
    }
}

/// Unreserved, reserved, or part of an escape (RFC 3986 §2).
fn may_stand_in_a_url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_people_can_open() {
        for link in [
            "https://auth.example.com/v1/invitation-refusals/c2VhbGVk-_8",
            "https://auth.example.com",
            "https://auth.example.com:8443/a?b=c%20d&e=f#g",
            "https://[2001:db8::1]/x",
            "http://localhost:8001/x",
            "http://127.0.0.1:8001",
            "http://[::1]:8001/x",
        ] {
            assert_eq!(link.parse::<PublicUrl>().map(|url| url.to_string()).ok().as_deref(), Some(link));
        }
    }

    #[test]
    fn nothing_else_is_a_link() {
        for text in [
            "",
            "/v1/invitation-refusals/x",
            "https://",
            "https:///x",
            "https://:443/x",
            "https://auth.test:port/x",
            "https://auth.test@evil.test/x",
            "http://auth.test/x",
            "http://localhost.evil.test/x",
            "http://127.0.0.1.evil.test/x",
            "ftp://auth.test/x",
            "javascript:alert(1)",
            "mailto:eve@evil.test",
            "https://auth.test/x\r\nBcc: eve@evil.test",
            "https://auth.test/x\n",
            "https://auth.test/x>, <mailto:eve@evil.test",
            "https://auth.test/x<y",
            "https://auth.test/x y",
            " https://auth.test/x",
            "https://auth.test/x\"y",
            "https://auth.test/ü",
            "https://auth.test/x\0",
            "https://auth.test/x\u{202e}",
        ] {
            assert!(text.parse::<PublicUrl>().is_err(), "{text:?}");
        }
        let long = |length: usize| format!("https://auth.test/{}", "x".repeat(length - 18));
        assert!(long(LONGEST).parse::<PublicUrl>().is_ok() && long(LONGEST + 1).parse::<PublicUrl>().is_err());
    }
}
