//! Rules of mails: how far has one come, and may it go there? States only move forward, in whatever order SES's events
//! arrive.

use chrono::{DateTime, TimeDelta, Utc};
use common::problem::FieldError;
use contracts::{
    mails::{AnyMail, is_address},
    messages::SendMail,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use strum::IntoStaticStr;
use utoipa::ToSchema;
use uuid::Uuid;

/// State of a mail.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema, sqlx::Type, IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Status {
    /// Waits to be handed to SES.
    Queued,
    /// Waits for something of its own, such as a recipient that the sandbox does not know; tried again from time to
    /// time.
    Held,
    /// Is being handed to SES.
    Sending,
    /// SES was asked and did not answer; an event will tell. It is not sent again by itself.
    Unknown,
    /// Neither left nor was settled in its time.
    GivenUp,
    /// SES has taken it.
    Sent,
    /// The recipient's server has taken it.
    Delivered,
    /// The recipient's server refused it for good.
    Bounced,
    /// The recipient called it spam.
    Complained,
    /// Not handed to SES, because the address is out of circulation.
    Suppressed,
    /// SES refused it.
    Failed,
}

impl Status {
    /// Whether a mail of which an event tells this is never sent again, so that its content may be forgotten.
    pub fn ends_content(self) -> bool {
        matches!(self, Self::Delivered | Self::Bounced | Self::Complained)
    }

    /// States that an event telling `self` may overwrite; another event of the same state may know more of the reason.
    pub fn overwrites(self) -> Vec<Self> {
        use Status::*;
        let open = [Queued, Held, Sending, Unknown, GivenUp, Sent, Delivered, Bounced, Complained];
        open.into_iter().filter(|earlier| *earlier <= self).collect()
    }
}

/// A mail as operators see it; the variables stay inside, as they may hold links that let people in.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Mail {
    pub id: Uuid,
    pub key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<Uuid>,
    pub template: String,
    pub recipient: String,
    pub subject: String,
    pub status: Status,
    /// Why it did not arrive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ses_message_id: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// Until then it is tried, and can be sent again.
    pub give_up_at: DateTime<Utc>,
    /// Of the request that led to it (W3C Trace Context), as in the log lines of every service that had a part in it.
    #[schema(example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
}

/// A mail that says nothing of its own time is tried for so long: AWS takes days to lift a suspension.
const LONGEST_TRIED: TimeDelta = TimeDelta::days(7);

/// When to give a mail up that was ordered at `now`: when it is pointless, which its sender or the mail itself says.
pub fn give_up_at(now: DateTime<Utc>, order: &SendMail) -> DateTime<Utc> {
    let longest = now + order.mail.lifetime().unwrap_or(LONGEST_TRIED).min(LONGEST_TRIED);
    order.expires_at.map_or(longest, |expires_at| expires_at.min(longest))
}

/// The mail of that template, filled in with these variables and no others.
pub fn read(template: &str, variables: Map<String, Value>) -> Result<AnyMail, FieldError> {
    if !AnyMail::TEMPLATES.contains(&template) {
        return Err(FieldError::new("template", "unknown", format!("there is no template '{template}'")));
    }
    let wrong = |what: String| {
        let text = format!("template '{template}' cannot be filled in: {what}");
        FieldError::new("variables", "invalid", text)
    };
    let given: Vec<String> = variables.keys().cloned().collect();
    let mail = serde_json::from_value::<AnyMail>(json!({"template": template, "variables": variables}))
        .map_err(|error| wrong(error.to_string()))?;
    let known = mail.variables().map_err(|error| wrong(error.to_string()))?;
    match given.iter().find(|name| known.get(name).is_none()) {
        Some(name) => Err(wrong(format!("it has no variable '{name}'"))),
        None => Ok(mail),
    }
}

/// What is wrong with a mail's key and recipient.
pub fn faults(key: &str, recipient: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if key.is_empty() || key.chars().count() > 200 {
        errors.push(FieldError::new("key", "length", "must have 1 to 200 characters"));
    }
    if !is_address(recipient) {
        errors.push(FieldError::new("recipient", "malformed", "must be an e-mail address"));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::mails::{Invitation, Mail, Notice, VerifyEmail};

    #[test]
    fn states_only_move_forward() {
        use Status::*;
        assert_eq!(Delivered.overwrites(), [Queued, Held, Sending, Unknown, GivenUp, Sent, Delivered]);
        assert!(Bounced.overwrites().contains(&Delivered) && !Complained.overwrites().contains(&Suppressed));
    }

    #[test]
    fn a_mail_is_tried_while_it_has_a_point() {
        let now = DateTime::UNIX_EPOCH;
        let kept = |mail: AnyMail, expires_at: Option<TimeDelta>| {
            let expires_at = expires_at.map(|lifetime| now + lifetime);
            give_up_at(now, &SendMail { key: "k".into(), recipient: "a@b.de".into(), mail, expires_at }) - now
        };
        let invitation = |days| AnyMail::from(Invitation { days, ..Invitation::sample() });
        let verification = |minutes| AnyMail::from(VerifyEmail { minutes, ..VerifyEmail::sample() });
        assert_eq!(kept(Notice::sample().into(), None), TimeDelta::days(7));
        assert_eq!(kept(verification(30), None), TimeDelta::minutes(30));
        assert_eq!(kept(invitation(3), Some(TimeDelta::days(2))), TimeDelta::days(2));
        for beyond in [invitation(30), invitation(i64::MAX), verification(i64::MAX)] {
            assert_eq!(kept(beyond, Some(TimeDelta::days(30))), TimeDelta::days(7));
        }
    }

    #[test]
    fn a_variable_that_the_template_lacks_is_told() {
        let read = |template: &str, variables: Value| {
            let told = read(template, variables.as_object().cloned().unwrap()).unwrap_err();
            format!("{}: {}", told.field, told.message)
        };
        assert_eq!(read("ghost", json!({})), "template: there is no template 'ghost'");
        let told = read("notice", json!({"title": "x", "txt": "y"}));
        assert_eq!(told, "variables: template 'notice' cannot be filled in: missing field `text`");
        let told = read("notice", json!({"title": "x", "text": "y", "footer": "z"}));
        assert_eq!(told, "variables: template 'notice' cannot be filled in: it has no variable 'footer'");
    }
}
