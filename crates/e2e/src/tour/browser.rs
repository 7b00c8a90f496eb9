//! A browser without scripts: cookies, forms of the pages that it shows, and where it is sent next.

use super::{
    guide::Guide,
    http::{Answer, Call},
};
use anyhow::{Context, Result};
use reqwest::{
    Method,
    header::{COOKIE, LOCATION, SET_COOKIE},
};
use std::collections::BTreeMap;

/// Its cookies are all of one site.
pub struct Browser<'a> {
    guide: &'a Guide,
    cookies: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    pub fn new(guide: &'a Guide) -> Self {
        Self { guide, cookies: BTreeMap::new() }
    }

    pub async fn open(&mut self, url: &str) -> Result<Answer> {
        let answer = self.with_cookies(Call::new(&self.guide.http, Method::GET, url)).send().await?;
        Ok(self.keep(answer))
    }

    /// Sends a form of a page of auth's; `site` is where that page is from (Fetch Metadata).
    pub async fn submit(&mut self, path: &str, fields: &[(&str, &str)], site: &str) -> Result<Answer> {
        let form = self.guide.post("auth", path).form(fields).header("sec-fetch-site", site);
        let answer = self.with_cookies(form).send().await?;
        Ok(self.keep(answer))
    }

    fn with_cookies(&self, call: Call) -> Call {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let call = call.browser();
        if cookies.is_empty() { call } else { call.header(COOKIE.as_str(), &cookies.join("; ")) }
    }

    fn keep(&mut self, answer: Answer) -> Answer {
        let pairs = answer.headers(SET_COOKIE).filter_map(|cookie| cookie.split(';').next()?.split_once('='));
        self.cookies.extend(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
        answer
    }
}

/// Where an answer sends the browser.
pub fn sent_to(answer: &Answer) -> Result<&str> {
    answer.header(LOCATION).with_context(|| format!("{answer} leads nowhere"))
}

/// What a hidden field of a page's form holds.
pub fn hidden<'a>(page: &'a Answer, field: &str) -> Result<&'a str> {
    let start = format!("name=\"{field}\" value=\"");
    let value = page.text.split_once(&start).and_then(|(_, rest)| Some(rest.split_once('"')?.0));
    value.with_context(|| format!("{page} has no field {field}"))
}
