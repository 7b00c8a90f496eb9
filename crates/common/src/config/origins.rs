//! Origins of web pages, as browsers write them (RFC 6454 §6.2): scheme, host and port.

use reqwest::Url;
use std::{ops::Deref, str::FromStr};

/// Origins of web pages, comma-separated where they are set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Vec<String>);

#[derive(Debug, thiserror::Error)]
#[error("must be origins as browsers write them, comma-separated, such as https://app.example.com: '{0}' is none")]
pub struct NotAnOrigin(String);

impl Deref for Origins {
    type Target = [String];
    fn deref(&self) -> &[String] {
        &self.0
    }
}

impl FromStr for Origins {
    type Err = NotAnOrigin;
    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let origin = |entry: &str| is_origin(entry).then(|| entry.to_owned()).ok_or_else(|| NotAnOrigin(entry.into()));
        entries.map(origin).collect::<Result<_, _>>().map(Self)
    }
}

/// Whether a browser writes an origin of the web like this; neither `*` nor `null` is one.
pub(crate) fn is_origin(text: &str) -> bool {
    Url::parse(text)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_browser_sends_is_an_origin() {
        let origins: Origins = "https://app.example.com, http://localhost:3000,http://[::1]:8001".parse().unwrap();
        assert_eq!(origins.len(), 3);
        assert_eq!("".parse::<Origins>().unwrap().len(), 0);
        for wrong in [
            "*",
            "null",
            "app.example.com",
            "https://app.example.com/",
            "https://app.example.com:443",
            "https://App.example.com",
            "https://user@app.example.com",
            "https://app.example.com; script-src *",
            "file:///tmp",
        ] {
            let fault = format!("https://ok.example.com,{wrong}").parse::<Origins>().unwrap_err();
            assert!(fault.to_string().contains(wrong), "{fault}");
        }
    }
}
