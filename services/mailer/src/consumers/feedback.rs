//! SES's events: how a mail fared. A hard bounce or a complaint takes the address out of circulation.
//!
//! Format: <https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html>

use crate::{
    app::App,
    messages::{model::Status, store},
    ses::LEDGER_TAG,
    suppressions,
};
use messaging::{Fault, HandleRaw};
use serde::Deserialize;
use sqlx::PgConnection;
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
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mail {
    message_id: String,
    #[serde(default)]
    tags: HashMap<String, Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounce {
    bounce_type: String,
    #[serde(default)]
    bounce_sub_type: String,
    bounced_recipients: Vec<Recipient>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Complaint {
    complained_recipients: Vec<Recipient>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recipient {
    email_address: String,
}

/// What an event means for the ledger: a state, a reason, and addresses to suppress for it.
type Meaning<'a> = (Status, Option<String>, Option<(&'static str, &'a [Recipient])>);

impl SesEvent {
    /// `None` for events that change nothing here, such as `Open` or a soft bounce.
    fn meaning(&self) -> Option<Meaning<'_>> {
        match (self.event_type.as_str(), &self.bounce, &self.complaint) {
            ("Send", ..) => Some((Status::Sent, None, None)),
            ("Delivery", ..) => Some((Status::Delivered, None, None)),
            ("Reject" | "Rendering Failure", ..) => Some((Status::Failed, Some("SES rejected it".into()), None)),
            ("Bounce", Some(bounce), _) if bounce.bounce_type == "Permanent" => {
                let reason = format!("{} bounce: {}", bounce.bounce_type, bounce.bounce_sub_type);
                Some((Status::Bounced, Some(reason), Some(("bounce", &bounce.bounced_recipients))))
            }
            ("Complaint", _, Some(complaint)) => {
                Some((Status::Complained, Some("the recipient called it spam".into()), Some(("complaint", &complaint.complained_recipients))))
            }
            _ => None,
        }
    }

    fn ledger_id(&self) -> Option<Uuid> {
        self.mail.tags.get(LEDGER_TAG)?.first()?.parse().ok()
    }
}

impl HandleRaw for App {
    type Body = SesEvent;

    fn message_id(event: &SesEvent) -> String {
        format!("{}:{}", event.event_type, event.mail.message_id)
    }

    async fn handle(&self, tx: &mut PgConnection, event: &SesEvent) -> Result<(), Fault> {
        let Some((status, reason, suppress)) = event.meaning() else { return Ok(()) };
        let ses_message_id = &event.mail.message_id;
        // The event may overtake the answer that brings SES's id; it is then found by its tag, or comes again.
        let Some(id) = store::find_for_event(tx, event.ledger_id(), ses_message_id).await? else {
            return Err(Fault::retry(anyhow::anyhow!("no mail is known as {ses_message_id} yet")));
        };
        let now = self.ambient.now();
        store::advance(tx, id, status, reason.as_deref(), ses_message_id, now).await?;
        let (reason, recipients) = suppress.unwrap_or_default();
        for recipient in recipients {
            suppressions::store::add(tx, &recipient.email_address, reason, id, now).await?;
        }
        metrics::counter!("mail_events_total", "event" => event.event_type.clone()).increment(1);
        Ok(())
    }
}
