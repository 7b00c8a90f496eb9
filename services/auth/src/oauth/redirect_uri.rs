//! Redirect URIs: where may an app have its answers sent? Compared character by character (RFC 9700 §2.1), but for the
//! port of an app on the person's own machine (RFC 8252 §7.3).

use contracts::public_url::PublicUrl;
use std::{fmt, str::FromStr};

/// More than any app needs; it travels in addresses.
const LONGEST: usize = 500;

/// An address of an app, registered beforehand: of a web page, on this machine, or of a scheme that belongs to the app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectUri(String);

#[derive(Debug, PartialEq, thiserror::Error)]
#[error(
    "must be an https URL, an http URL on this machine, or a URI of a scheme of the app's own such as \
     com.example.app:/signed-in; without a fragment, of at most {LONGEST} characters"
)]
pub struct NotARedirectUri;

impl RedirectUri {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is where an authorization request wants its answer.
    pub fn is_meant_by(&self, asked: &str) -> bool {
        self.0 == asked || self.without_port().is_some_and(|own| Self(asked.to_owned()).without_port() == Some(own))
    }

    /// Whether nobody else can be behind it: a web page has its name by TLS; on one machine several programs may want
    /// the same address (RFC 8252 §8.6).
    pub fn is_proved(&self) -> bool {
        self.0.starts_with("https:")
    }

    /// What a page's policy calls it, so that a form may lead there (CSP Level 3 §2.3.1).
    pub fn source_expression(&self) -> String {
        match self.0.parse::<PublicUrl>() {
            Ok(url) => url.origin(),
            Err(_) => format!("{}:", self.0.split(':').next().unwrap_or_default()),
        }
    }

    /// Before and behind the port of a loopback address; `None` if it is another one.
    fn without_port(&self) -> Option<(&'static str, &str)> {
        let on = |host: &'static str| {
            let rest = self.0.strip_prefix("http://")?.strip_prefix(host)?;
            let rest =
                rest.strip_prefix(':').map_or(rest, |rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
            (rest.is_empty() || rest.starts_with(['/', '?'])).then_some((host, rest))
        };
        on("127.0.0.1").or_else(|| on("[::1]"))
    }
}

impl FromStr for RedirectUri {
    type Err = NotARedirectUri;
    fn from_str(text: &str) -> Result<Self, NotARedirectUri> {
        // A star stands for nothing here, so nobody should think that it does.
        let sound = text.len() <= LONGEST && !text.contains(['#', '*']);
        let is_page = || text.parse::<PublicUrl>().is_ok();
        if sound && (is_page() || is_of_own_scheme(text)) { Ok(Self(text.to_owned())) } else { Err(NotARedirectUri) }
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A scheme with a dot is named after a domain of the app's maker, and no scheme that browsers act upon has one
/// (RFC 8252 §7.1).
fn is_of_own_scheme(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(":/") else { return false };
    let names = scheme.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b));
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/?&=%".contains(&b);
    scheme.starts_with(|c: char| c.is_ascii_lowercase()) && scheme.contains('.') && names && rest.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> RedirectUri {
        text.parse().unwrap_or_else(|_| panic!("{text}"))
    }

    #[test]
    fn pages_loopback_and_own_schemes_are_taken() {
        for (text, source, proved) in [
            ("https://app.example.com/signed-in?from=auth", "https://app.example.com", true),
            ("http://127.0.0.1:51004/signed-in", "http://127.0.0.1:51004", false),
            ("http://localhost:3000/", "http://localhost:3000", false),
            ("com.example.app:/signed-in", "com.example.app:", false),
        ] {
            assert_eq!((uri(text).source_expression().as_str(), uri(text).is_proved()), (source, proved), "{text}");
        }
        for text in [
            "",
            "/signed-in",
            "http://app.example.com/",
            "https://app.example.com/#x",
            "https://user@app.example.com/",
            "https://*.example.com/",
            "javascript:alert(1)",
            "javascript:/alert(1)",
            "data:/text",
            "app:/signed-in",
            "com.example.app:signed-in",
            "com.example.app:/x y",
            "com.example.app:/'; script-src *",
            &format!("https://app.example.com/{}", "x".repeat(LONGEST)),
        ] {
            assert_eq!(text.parse::<RedirectUri>(), Err(NotARedirectUri), "{text}");
        }
    }

    /// RFC 9700 §2.1, RFC 8252 §7.3.
    #[test]
    fn only_the_very_same_address_is_meant_but_for_a_loopback_port() {
        let page = uri("https://app.example.com/cb");
        assert!(page.is_meant_by("https://app.example.com/cb"));
        for other in [
            "https://app.example.com/cb/",
            "https://app.example.com/cb?x",
            "https://app.example.com/CB",
            "https://app.example.com/",
            "https://app.example.com:443/cb",
            "https://app.example.com.evil.test/cb",
            "http://app.example.com/cb",
        ] {
            assert!(!page.is_meant_by(other), "{other}");
        }
        let loopback = uri("http://127.0.0.1/cb");
        assert!(
            loopback.is_meant_by("http://127.0.0.1:51004/cb")
                && uri("http://[::1]:1/cb").is_meant_by("http://[::1]/cb")
        );
        for other in [
            "http://127.0.0.1:51004/other",
            "http://127.0.0.1:1@evil.test/cb",
            "http://127.0.0.1.evil.test/cb",
            "http://[::1]:51004/cb",
            "http://127.0.0.1:/x/cb",
        ] {
            assert!(!loopback.is_meant_by(other), "{other}");
        }
        assert!(!uri("http://localhost:3000/").is_meant_by("http://localhost:3001/"), "a name is not an address");
    }
}
