//! SES's events: how a mail fared. A hard bounce or a complaint takes the address out of circulation.
//!
//! Format: <https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html>

use crate::{
    app::App,
    mails::{model::Status, store},
    ses::LEDGER_TAG,
    suppressions::{self, store::Reason},
};
use common::db::CrossTenantTx;
use messaging::{EventKey, Fault, HandleRaw};
use serde::Deserialize;
use std::collections::HashMap;
use uuid::Uuid;

/// The parts of an event that the mailer reads.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SesEvent {
    event_type: String,
    mail: Mail,
    bounce: Option<Bounce>,
    complaint: Option<Complaint>,
    delivery: Option<Happening>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mail {
    message_id: String,
    #[serde(default)]
    timestamp: String,
    #[serde(default)]
    tags: HashMap<String, Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounce {
    bounce_type: String,
    #[serde(default)]
    bounce_sub_type: String,
    #[serde(flatten)]
    happening: Happening,
}

#[derive(Debug, Deserialize)]
struct Complaint {
    #[serde(flatten)]
    happening: Happening,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Happening {
    /// SES's id of one bounce or complaint, the same in every delivery of its event.
    feedback_id: Option<String>,
    #[serde(default)]
    timestamp: String,
}

/// Of a bounce that SES itself made, as the address is on the account's own list. It says nothing about the mailbox.
const ON_THE_ACCOUNTS_LIST: &str = "OnAccountSuppressionList";

/// What an event means for the ledger: a state, a reason, and why to suppress the recipient.
type Meaning = (Status, Option<String>, Option<Reason>);

impl SesEvent {
    /// `None` for events that change nothing here, such as `Open`.
    fn meaning(&self) -> Option<Meaning> {
        match (self.event_type.as_str(), &self.bounce, &self.complaint) {
            ("Send", ..) => Some((Status::Sent, None, None)),
            ("Delivery", ..) => Some((Status::Delivered, None, None)),
            ("Reject" | "Rendering Failure", ..) => Some((Status::Failed, Some("SES rejected it".into()), None)),
            ("Bounce", Some(bounce), _) => Some(bounce.meaning()),
            ("Complaint", _, Some(_)) => {
                Some((Status::Complained, Some("the recipient called it spam".into()), Some(Reason::Complaint)))
            }
            _ => None,
        }
    }

    /// What happened, as far as it has times and ids of its own.
    fn happening(&self) -> Option<&Happening> {
        let bounce = self.bounce.as_ref().map(|bounce| &bounce.happening);
        bounce.or(self.complaint.as_ref().map(|complaint| &complaint.happening)).or(self.delivery.as_ref())
    }

    fn ledger_id(&self) -> Option<Uuid> {
        self.mail.tags.get(LEDGER_TAG)?.first()?.parse().ok()
    }
}

impl Bounce {
    fn meaning(&self) -> Meaning {
        let reason = Some(format!("{} bounce: {}", self.bounce_type, self.bounce_sub_type));
        match (self.bounce_type.as_str(), self.bounce_sub_type.as_str()) {
            ("Permanent", ON_THE_ACCOUNTS_LIST) => (Status::Bounced, reason, None),
            ("Permanent", _) => (Status::Bounced, reason, Some(Reason::Bounce)),
            // It did not arrive now; the mailbox may be full. SES may still tell more.
            _ => (Status::Sent, reason, None),
        }
    }
}

impl HandleRaw for App {
    type Body = SesEvent;

    fn event_key(event: &SesEvent) -> Result<EventKey, Fault> {
        let SesEvent { event_type, mail, .. } = event;
        let happening = event.happening();
        // A mail may bounce softly and then for good: each is an event of its own.
        let own = match (happening.and_then(|happening| happening.feedback_id.as_deref()), &event.bounce) {
            (Some(feedback_id), _) => feedback_id.to_owned(),
            (None, Some(bounce)) => {
                format!("{}:{}:{}", bounce.bounce_type, bounce.bounce_sub_type, bounce.happening.timestamp)
            }
            (None, None) => happening.map_or(&mail.timestamp, |happening| &happening.timestamp).clone(),
        };
        let times = happening.map(|happening| &happening.timestamp).into_iter().chain([&mail.timestamp]);
        let time = times.filter_map(|time| time.parse().ok()).next();
        let time = time.ok_or_else(|| Fault::permanent("the event says no time"))?;
        Ok(EventKey { time, key: format!("{event_type}:{}:{own}", mail.message_id) })
    }

    async fn handle(&self, tx: &mut CrossTenantTx, event: &SesEvent) -> Result<(), Fault> {
        let Some((status, reason, suppress)) = event.meaning() else { return Ok(()) };
        let ses_message_id = &event.mail.message_id;
        // The event may overtake the answer that brings SES's id; it is then found by its tag, or comes again.
        let Some(id) = store::find_for_event(tx, event.ledger_id(), ses_message_id).await? else {
            return Err(Fault::retry(anyhow::anyhow!("no mail is known as {ses_message_id} yet")));
        };
        let now = self.ambient.now();
        store::advance(tx, id, status, reason.as_deref(), ses_message_id, now).await?;
        if let Some(reason) = suppress {
            suppressions::store::add(tx, self.ambient.uuid(), id, reason, now).await?;
        }
        metrics::counter!("mail_events_total", "event" => <&str>::from(status)).increment(1);
        Ok(())
    }
}
