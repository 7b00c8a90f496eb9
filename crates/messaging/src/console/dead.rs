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
use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream};
use std::{collections::HashSet, time::Duration};
use tokio::time::Instant;

/// Dead letters that one call goes through; a queue with more needs several.
pub const MOST_SEEN: usize = 1_000;
/// And their bodies in bytes, which the process holds meanwhile.
const MOST_BYTES: usize = 8 << 20;
/// And how long it goes on receiving: whoever waits for the answer is told after 20 s that there is none.
const LONGEST_SWEEP: Duration = Duration::from_secs(6);
/// For how long what was seen is nobody else's, in seconds; longer than receiving and sending all of it take.
const SWEEP_SECONDS: i32 = 60;
/// Dead letters that are sent back at once.
const SENT_AT_ONCE: usize = 16;
/// No more are begun after this time; the rest stays where it is.
const LONGEST_REDRIVE: Duration = Duration::from_secs(8);
/// What a dead letter keeps on its way back; its attempts begin anew.
const KEPT: [&str; 3] = [SENT, TYPE_ATTRIBUTE, TRACEPARENT_ATTRIBUTE];

/// What was received of a dead-letter queue.
struct Sweep {
    url: String,
    messages: Vec<Message>,
    /// It was ended by one of its bounds.
    cut: bool,
}

/// Dead letters that were sent back, and whatever stopped it.
#[derive(Debug)]
pub struct Redriven {
    pub letters: Vec<Letter>,
    /// There may be more of those that were asked for.
    pub more: bool,
    /// What SQS refused, or that it went away: what is not among the letters is where it was.
    pub fault: Option<ConsoleError>,
}

/// Dead letters that one call has gone through, in no order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub letters: Vec<Letter>,
    /// There may be more that this call did not come to.
    pub more: bool,
}

impl Console {
    /// Up to [`MOST_SEEN`] dead letters. Those that somebody else looks at just now are missing.
    pub async fn dead_letters(&self, queue: &str) -> Result<Seen, ConsoleError> {
        let sweep = self.sweep(queue, |_| false).await?;
        self.give_back(&sweep, |_| true).await;
        let letters = sweep.messages.iter().map(|message| Letter::of(queue, message)).collect();
        Ok(Seen { letters, more: sweep.cut })
    }

    /// The dead letter that SQS knows by this id; `None` if it is gone, or somebody else looks at it just now.
    pub async fn dead_letter(&self, queue: &str, id: &str) -> Result<Option<Letter>, ConsoleError> {
        let sweep = self.sweep(queue, |message| message.message_id() == Some(id)).await?;
        self.give_back(&sweep, |_| true).await;
        Ok(sweep.find(id)?.map(|message| Letter::of(queue, message)))
    }

    /// Sends those dead letters that `choose` wants back to their queue; gives which, and whether there may be more.
    /// A crash between sending and deleting leaves both, and the inbox lets one take effect.
    ///
    /// # Errors
    /// Nothing was sent.
    pub async fn redrive(&self, queue: &str, choose: impl Fn(&Letter) -> bool) -> Result<Redriven, ConsoleError> {
        let (_, live) = self.live(queue).await?;
        let sweep = self.sweep(queue, |_| false).await?;
        let chosen = sweep.messages.iter().map(|message| (message, Letter::of(queue, message)));
        let chosen: Vec<_> = chosen.filter(|(_, letter)| choose(letter)).collect();
        let (started, many) = (Instant::now(), chosen.len());
        // In a list, as a stream of them would not be `Send` to the compiler.
        let sending: Vec<BoxFuture<'_, _>> = chosen
            .into_iter()
            .map(|(message, letter)| {
                let sent = self.send_back(&sweep.url, message, &live, letter);
                async move { if started.elapsed() > LONGEST_REDRIVE { None } else { Some(sent.await) } }.boxed()
            })
            .collect();
        let outcomes: Vec<_> = stream::iter(sending).buffer_unordered(SENT_AT_ONCE).collect().await;
        let (mut sent, mut fault) = (Vec::new(), None);
        for outcome in outcomes.into_iter().flatten() {
            match outcome {
                Ok(letter) => sent.push(letter),
                Err(error) => fault = Some(error),
            }
        }
        let gone: HashSet<&str> = sent.iter().map(|letter| &*letter.id).collect();
        self.give_back(&sweep, |message| !message.message_id().is_some_and(|id| gone.contains(id))).await;
        let more = sweep.cut || sent.len() < many;
        Ok(Redriven { letters: sent, more, fault })
    }

    /// Sends the dead letter of this id back to its queue, and gives it a last time; `None` as of
    /// [`Console::dead_letter`].
    pub async fn redrive_one(&self, queue: &str, id: &str) -> Result<Option<Letter>, ConsoleError> {
        let (_, live) = self.live(queue).await?;
        let sweep = self.sweep(queue, |message| message.message_id() == Some(id)).await?;
        self.give_back(&sweep, |message| message.message_id() != Some(id)).await;
        let Some(message) = sweep.find(id)? else { return Ok(None) };
        let letter = Letter::of(queue, message);
        let sent = self.replace(&sweep.url, message, &live, &letter.body, &KEPT).await;
        if sent.is_err() {
            self.hand_back(&sweep.url, &[message]).await;
        }
        sent.map(|_| Some(letter))
    }

    /// Deletes a dead letter, and gives it a last time; `None` as of [`Console::dead_letter`].
    pub async fn delete_dead_letter(&self, queue: &str, id: &str) -> Result<Option<Letter>, ConsoleError> {
        let sweep = self.sweep(queue, |message| message.message_id() == Some(id)).await?;
        self.give_back(&sweep, |message| message.message_id() != Some(id)).await;
        let Some(message) = sweep.find(id)? else { return Ok(None) };
        self.delete(&sweep.url, message).await?;
        Ok(Some(Letter::of(queue, message)))
    }

    /// Gives a dead letter another body, and with it another id, which is what comes back; `None` as of
    /// [`Console::dead_letter`]. It stays where it is, with its reason.
    pub async fn edit_dead_letter(&self, queue: &str, id: &str, body: &str) -> Result<Option<String>, ConsoleError> {
        let sweep = self.sweep(queue, |message| message.message_id() == Some(id)).await?;
        self.give_back(&sweep, |message| message.message_id() != Some(id)).await;
        let Some(message) = sweep.find(id)? else { return Ok(None) };
        let replaced = self.replace(&sweep.url, message, &sweep.url, body, &ALL).await;
        if replaced.is_err() {
            self.hand_back(&sweep.url, &[message]).await;
        }
        replaced.map(Some)
    }

    async fn send_back(&self, url: &str, message: &Message, to: &str, letter: Letter) -> Result<Letter, ConsoleError> {
        self.replace(url, message, to, &letter.body, &KEPT).await.map(|_| letter)
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

    /// Receives until nothing more comes, `enough` was found, or a bound is reached.
    async fn sweep(&self, queue: &str, enough: impl Fn(&Message) -> bool) -> Result<Sweep, ConsoleError> {
        let mut sweep = Sweep { url: self.dead(queue).await?, messages: Vec::new(), cut: false };
        let (started, mut bytes) = (Instant::now(), 0);
        loop {
            match self.receive(&sweep.url, SWEEP_SECONDS).await {
                Ok(received) if received.is_empty() => break,
                Ok(received) => {
                    let found = received.iter().any(&enough);
                    bytes += received.iter().filter_map(Message::body).map(str::len).sum::<usize>();
                    sweep.messages.extend(received);
                    sweep.cut = !found
                        && (sweep.messages.len() >= MOST_SEEN
                            || bytes >= MOST_BYTES
                            || started.elapsed() >= LONGEST_SWEEP);
                    if found || sweep.cut {
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

impl Sweep {
    /// The message of this id; [`ConsoleError::NotSeen`] if it may be among those that were not received.
    fn find(&self, id: &str) -> Result<Option<&Message>, ConsoleError> {
        let found = self.messages.iter().find(|message| message.message_id() == Some(id));
        if found.is_none() && self.cut { Err(ConsoleError::NotSeen) } else { Ok(found) }
    }
}
