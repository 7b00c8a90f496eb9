//! Client of a range API (<https://haveibeenpwned.com/API/v3#PwnedPasswords>): it is told the first five digits of a
//! hash, and answers with the rest of all that begin so (k-anonymity).

use super::{Fault, Hash};
use contracts::public_url::PublicUrl;
use std::time::Duration;

/// Digits that leave us; some thousand leaked passwords share them.
const PREFIX: usize = 5;
/// A person waits for it, and their password is taken without it.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Padded answers have some 40 kB.
const LONGEST_ANSWER: usize = 512 * 1024;
/// The API wants to know who asks.
const USER_AGENT: &str = "sevenleague-auth";

#[derive(Clone)]
pub struct RangeApi {
    http: reqwest::Client,
    /// Without a slash at its end.
    url: String,
}

#[derive(Debug, thiserror::Error)]
#[error("the answer has more than {LONGEST_ANSWER} bytes")]
struct TooLong;

impl RangeApi {
    pub fn new(url: &PublicUrl) -> reqwest::Result<Self> {
        let http = reqwest::Client::builder().timeout(TIMEOUT).user_agent(USER_AGENT);
        let http = http.redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { http, url: url.as_str().trim_end_matches('/').to_owned() })
    }

    /// Whether the hash is among the leaked ones.
    pub async fn has(&self, hash: &Hash) -> Result<bool, Fault> {
        let digits = hex::encode_upper(hash);
        let (prefix, rest) = digits.split_at(PREFIX);
        // Padding hides how long the answer is, and so which prefix it is for, from who sees only its length.
        let request = self.http.get(format!("{}/range/{prefix}", self.url)).header("Add-Padding", "true");
        // Its URL must not come into a log: it has digits of the hash.
        let answer = request.send().await.and_then(reqwest::Response::error_for_status);
        let mut answer = answer.map_err(reqwest::Error::without_url)?;
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
            if body.len() + part.len() > LONGEST_ANSWER {
                return Err(TooLong.into());
            }
            body.extend_from_slice(&part);
        }
        Ok(lists(str::from_utf8(&body)?, rest))
    }
}

/// Whether the answer lists the rest of a hash. What it was padded with has the count 0.
fn lists(answer: &str, rest: &str) -> bool {
    let mut lines = answer.lines().filter_map(|line| line.trim().split_once(':'));
    lines.any(|(suffix, count)| suffix.eq_ignore_ascii_case(rest) && count != "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_not_leaked() {
        let answer = "0018A45C4D1DEF81644B54AB7F969B88D65:3\r\n00D4F6E8FA6EECAD2A3AA415EEC418D38EC:0\r\nno line";
        assert!(lists(answer, "0018A45C4D1DEF81644B54AB7F969B88D65"));
        assert!(!lists(answer, "00D4F6E8FA6EECAD2A3AA415EEC418D38EC"));
        assert!(!lists(answer, "no line") && !lists("", ""));
    }
}
