//! Mails that have been sent: ministack shows what SES was asked to send.

use super::{
    guide::Guide,
    http::{Call, list, text},
};
use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::Value;

impl Guide {
    /// The mails to this address, oldest first.
    pub async fn mails_to(&self, recipient: &str) -> Result<Vec<Value>> {
        let (endpoint, account) = (&self.state.aws["AWS_ENDPOINT_URL"], &self.state.aws["AWS_ACCOUNT_ID"]);
        let sent = Call::new(&self.http, Method::GET, &format!("{endpoint}/_ministack/ses/messages"))
            .query(&[("account", account)])
            .expect(200)
            .await?;
        let is_to =
            |mail: &&Value| list(mail, "/To").iter().any(|to| to.as_str().is_some_and(|to| to.contains(recipient)));
        Ok(list(&sent, &format!("/messages/{account}")).iter().filter(is_to).cloned().collect())
    }

    /// Waits for a mail to `recipient` whose subject has `subject`.
    pub async fn mail(&self, recipient: &str, subject: &str) -> Result<Value> {
        let arrived = async || {
            let mails = self.mails_to(recipient).await?;
            Ok(mails.into_iter().rfind(|mail| mail["Subject"].as_str().is_some_and(|found| found.contains(subject))))
        };
        self.wait(&format!("the mail '{subject}' to {recipient}"), arrived).await
    }
}

/// The link in a mail that leads to this path, of which the rest is a token; the same one in the text and in the HTML.
pub fn link(mail: &Value, path: &str) -> Result<String> {
    let plain = text(mail, "/BodyText")?;
    let link = plain
        .split_whitespace()
        .find(|word| word.starts_with("http") && word.contains(path))
        .with_context(|| format!("no link to {path} in {plain}"))?;
    // Escaped in HTML, as everything that a template is given.
    let html = text(mail, "/BodyHtml")?.replace("&#x2f;", "/");
    ensure!(html.contains(&format!("href=\"{link}\"")), "the HTML of the mail has another link than {link}: {html}");
    Ok(link.to_owned())
}
