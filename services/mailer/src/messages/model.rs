//! How far has a mail come, and may it go there? States only move forward, in whatever order SES's events arrive.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// State of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waits to be handed to SES.
    Queued,
    /// Is being handed to SES.
    Sending,
    /// SES was asked and did not answer; an event will tell. It is not sent again.
    Unknown,
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
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Unknown => "unknown",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Bounced => "bounced",
            Self::Complained => "complained",
            Self::Suppressed => "suppressed",
            Self::Failed => "failed",
        }
    }

    const ALL: [Self; 9] =
        [Self::Queued, Self::Sending, Self::Unknown, Self::Sent, Self::Delivered, Self::Bounced, Self::Complained, Self::Suppressed, Self::Failed];

    /// States that an event telling `self` may overwrite.
    pub fn overwrites(self) -> Vec<String> {
        let ended = [Self::Suppressed, Self::Failed];
        Self::ALL.into_iter().filter(|earlier| *earlier < self && !ended.contains(earlier)).map(|earlier| earlier.name().to_owned()).collect()
    }
}

/// The constraint `messages_status_check` allows no other name.
impl From<String> for Status {
    fn from(name: String) -> Self {
        Self::ALL.into_iter().find(|status| status.name() == name).unwrap_or(Self::Unknown)
    }
}

/// A mail as operators see it; the variables stay inside, as they may hold links that let people in.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Message {
    pub id: Uuid,
    pub key: String,
    pub tenant_id: Option<Uuid>,
    pub template: String,
    pub recipient: String,
    pub subject: String,
    pub status: Status,
    /// Why it did not arrive.
    pub reason: Option<String>,
    pub ses_message_id: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// One address that looks like one; SES has the last word.
pub fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let plain = !text.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';' | '"'));
    plain && text.len() <= 254 && !local.is_empty() && !local.contains('@') && domain.contains('.') && !domain.starts_with('.') && !domain.ends_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_only_move_forward() {
        assert_eq!(Status::Delivered.overwrites(), ["queued", "sending", "unknown", "sent"]);
        assert!(Status::Bounced.overwrites().contains(&"delivered".to_owned()));
        assert!(!Status::Complained.overwrites().contains(&"suppressed".to_owned()));
    }

    #[test]
    fn addresses() {
        assert!(is_address("bounce@simulator.amazonses.com"));
        for wrong in ["", "a", "a@b", "a b@c.de", "a@b@c.de", "a@.de", "x@y.de\r\nBcc: z@y.de", "<a@b.de>"] {
            assert!(!is_address(wrong), "{wrong}");
        }
    }
}
