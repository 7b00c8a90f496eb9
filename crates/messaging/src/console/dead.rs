//! Dead letters: read, sent back to their queue, edited, deleted.
//!
//! SQS gives nobody a message by its id. Whoever wants one goes through the queue: what was received is kept from
//! others until all was seen, and handed back.

use crate::{
    console::{Console, ConsoleError, Letter},
    copy::{self, ALL, SENT},
    publisher::{TRACEPARENT_ATTRIBUTE, TYPE_ATTRIBUTE},
};
use aws_sdk_sqs::types::Message;
use futures_util::future::join_all;
use std::collections::HashSet;

/// Dead letters that one call goes through; a queue with more needs several.
pub const MOST_SEEN: usize = 1_000;
/// How long going through takes at most, in seconds: then what was seen may be seen again.
const SWEEP_SECONDS: i32 = 60;
/// Dead letters that are sent back beside each other.
const AT_ONCE: usize = 10;
/// What a dead letter keeps on its way back; its attempts begin anew.
const KEPT: [&str; 3] = [SENT, TYPE_ATTRIBUTE, TRACEPARENT_ATTRIBUTE];

/// What was received of a dead-letter queue.
struct Sweep {
    url: String,
    messages: Vec<Message>,
}

impl Console {
    /// Up to [`MOST_SEEN`] dead letters, in no order. Those that somebody else looks at just now are missing.
    pub async fn dead_letters(&self, queue: &str) -> Result<Vec<Letter>, ConsoleError> {
        let sweep = self.sweep(queue, |_| false).await?;
        self.give_back(&sweep, |_| true).await;
        Ok(sweep.messages.iter().map(|message| Letter::of(queue, message)).collect())
    }

    /// The dead letter that SQS knows by this id; `None` if it is gone, or somebody else looks at it just now.
    pub async fn dead_letter(&self, queue: &str, id: &str) -> Result<Option<Letter>, ConsoleError> {
        let sweep = self.sweep(queue, |message| message.message_id() == Some(id)).await?;
        self.give_back(&sweep, |_| true).await;
        let found = sweep.messages.iter().find(|message| message.message_id() == Some(id));
        Ok(found.map(|message| Letter::of(queue, message)))
    }

    /// Sends those dead letters that `choose` wants back to their queue; gives which. A crash between sending and
    /// deleting leaves both, and the inbox lets one take effect. After an error some may have been sent.
    pub async fn redrive(&self, queue: &str, choose: impl Fn(&Letter) -> bool) -> Result<Vec<Letter>, ConsoleError> {
        let (_, live) = self.live(queue).await?;
        let sweep = self.sweep(queue, |_| false).await?;
        let letters = sweep.messages.iter().map(|message| (message, Letter::of(queue, message)));
        let chosen: Vec<_> = letters.filter(|(_, letter)| choose(letter)).collect();
        let (mut sent, mut outcome) = (Vec::new(), Ok(()));
        for some in chosen.chunks(AT_ONCE) {
            let sending = some.iter().map(async |(message, letter)| {
                self.replace(&sweep.url, message, &live, &letter.body, &KEPT).await.map(|_| letter.clone())
            });
            for answer in join_all(sending).await {
                match answer {
                    Ok(letter) => sent.push(letter),
                    Err(error) => outcome = Err(error),
                }
            }
            if outcome.is_err() {
                break;
            }
        }
        let gone: HashSet<&str> = sent.iter().map(|letter| &*letter.id).collect();
        self.give_back(&sweep, |message| !message.message_id().is_some_and(|id| gone.contains(id))).await;
        outcome.map(|()| sent)
    }

    /// Deletes a dead letter, and gives it a last time; `None` as of [`Console::dead_letter`].
    pub async fn delete_dead_letter(&self, queue: &str, id: &str) -> Result<Option<Letter>, ConsoleError> {
        let sweep = self.sweep(queue, |message| message.message_id() == Some(id)).await?;
        self.give_back(&sweep, |message| message.message_id() != Some(id)).await;
        let Some(message) = sweep.messages.iter().find(|message| message.message_id() == Some(id)) else {
            return Ok(None);
        };
        self.delete(&sweep.url, message).await?;
        Ok(Some(Letter::of(queue, message)))
    }

    /// Gives a dead letter another body, and with it another id, which is what comes back; `None` as of
    /// [`Console::dead_letter`]. It stays where it is, with its reason.
    pub async fn edit_dead_letter(&self, queue: &str, id: &str, body: &str) -> Result<Option<String>, ConsoleError> {
        let sweep = self.sweep(queue, |message| message.message_id() == Some(id)).await?;
        let Some(message) = sweep.messages.iter().find(|message| message.message_id() == Some(id)) else {
            self.give_back(&sweep, |_| true).await;
            return Ok(None);
        };
        let replaced = self.replace(&sweep.url, message, &sweep.url, body, &ALL).await;
        self.give_back(&sweep, |other| replaced.is_err() || other.message_id() != Some(id)).await;
        replaced.map(Some)
    }

    async fn replace(
        &self,
        url: &str,
        message: &Message,
        to: &str,
        body: &str,
        kept: &[&str],
    ) -> Result<String, ConsoleError> {
        let id = copy::resend(&self.aws.sqs, message, to, body, kept).await?;
        self.delete(url, message).await?;
        Ok(id)
    }

    /// Receives until nothing more comes, `enough` was found, or [`MOST_SEEN`] were seen.
    async fn sweep(&self, queue: &str, enough: impl Fn(&Message) -> bool) -> Result<Sweep, ConsoleError> {
        let mut sweep = Sweep { url: self.dead(queue).await?, messages: Vec::new() };
        while sweep.messages.len() < MOST_SEEN {
            match self.receive(&sweep.url, SWEEP_SECONDS).await {
                Ok(received) if received.is_empty() => break,
                Ok(received) => {
                    let found = received.iter().any(&enough);
                    sweep.messages.extend(received);
                    if found {
                        break;
                    }
                }
                Err(error) => {
                    self.give_back(&sweep, |_| true).await;
                    return Err(error);
                }
            }
        }
        Ok(sweep)
    }

    async fn give_back(&self, sweep: &Sweep, still_there: impl Fn(&Message) -> bool) {
        let left: Vec<_> = sweep.messages.iter().filter(|message| still_there(message)).collect();
        self.hand_back(&sweep.url, &left).await;
    }
}
