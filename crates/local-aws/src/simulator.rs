//! Mailbox simulator: watches the emulator's sent mail and publishes each one's events, at least once.

use crate::{
    events::{self, Mail, Sender},
    seen::Seen,
};
use anyhow::{Context, Result};
use common::ambient::Ambient;
use contracts::topology::Topic;
use messaging::Publisher;
use serde::Deserialize;
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// Short enough that a bounce feels immediate, long enough to cost the emulator nothing.
const POLL: Duration = Duration::from_millis(500);
/// The emulator answers at once, or it is not there.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Plays the mailbox providers of one account.
pub struct Simulator {
    http: reqwest::Client,
    url: String,
    account_id: String,
    region: String,
    publisher: Publisher,
    ambient: Ambient,
    seen: Seen,
}

#[derive(Deserialize)]
struct SentMail {
    /// By account.
    messages: HashMap<String, Vec<Mail>>,
}

impl Simulator {
    pub fn new(
        endpoint: &str,
        account_id: &str,
        region: &str,
        publisher: Publisher,
        ambient: Ambient,
        seen: Seen,
    ) -> Self {
        let url = format!("{}/_ministack/ses/messages?account={account_id}", endpoint.trim_end_matches('/'));
        Self {
            http: reqwest::Client::new(),
            url,
            account_id: account_id.to_owned(),
            region: region.to_owned(),
            publisher,
            ambient,
            seen,
        }
    }

    /// Runs until `shutdown`, through any outage of the emulator.
    pub async fn run(mut self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            if let Err(error) = self.pass().await {
                tracing::warn!(error = format!("{error:#}"), "Sent mail could not be dealt with; it is tried again");
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    /// Deals with every mail that was not dealt with; gives how many that were.
    pub async fn pass(&mut self) -> Result<usize> {
        let mails = self.sent_mail().await?;
        self.seen.keep_only(&mails.iter().map(|mail| mail.message_id.as_str()).collect::<HashSet<_>>())?;
        let mut dealt_with = 0;
        for mail in &mails {
            if !self.seen.contains(&mail.message_id) {
                self.publish(mail).await?;
                self.seen.add(&mail.message_id)?;
                dealt_with += 1;
            }
        }
        Ok(dealt_with)
    }

    async fn sent_mail(&self) -> Result<Vec<Mail>> {
        let answer = self.http.get(&self.url).timeout(TIMEOUT).send().await?.error_for_status()?;
        let mut sent: SentMail = answer.json().await.context("reading the emulator's sent mail")?;
        Ok(sent.messages.remove(&self.account_id).unwrap_or_default())
    }

    async fn publish(&self, mail: &Mail) -> Result<()> {
        let sender = Sender { account_id: &self.account_id, region: &self.region };
        for event in events::of(mail, &sender, self.ambient.now()) {
            self.publisher.publish_raw(Topic::SesFeedback, event.to_string()).await?;
            tracing::info!(
                ses_message_id = mail.message_id,
                event_type = event["eventType"].as_str(),
                "Published what became of a mail"
            );
        }
        Ok(())
    }
}
