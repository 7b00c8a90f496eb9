//! How far has a mail come, and may it go there? States only move forward, in whatever order SES's events arrive.

use chrono::{DateTime, TimeDelta, Utc};
use contracts::messages::SendMail;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// State of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waits to be handed to SES.
    Queued,
    /// Waits for something of its own, such as a recipient that the sandbox does not know; tried again from time to time.
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
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Held => "held",
            Self::Sending => "sending",
            Self::Unknown => "unknown",
            Self::GivenUp => "given_up",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Bounced => "bounced",
            Self::Complained => "complained",
            Self::Suppressed => "suppressed",
            Self::Failed => "failed",
        }
    }

    const ALL: [Self; 11] = [
        Self::Queued,
        Self::Held,
        Self::Sending,
        Self::Unknown,
        Self::GivenUp,
        Self::Sent,
        Self::Delivered,
        Self::Bounced,
        Self::Complained,
        Self::Suppressed,
        Self::Failed,
    ];

    /// Whether a mail of which an event tells this is never sent again, so that its content may be forgotten.
    pub fn ends_content(self) -> bool {
        matches!(self, Self::Delivered | Self::Bounced | Self::Complained)
    }

    /// States that an event telling `self` may overwrite; another event of the same state may know more of the reason.
    pub fn overwrites(self) -> Vec<String> {
        let ended = [Self::Suppressed, Self::Failed];
        Self::ALL
            .into_iter()
            .filter(|earlier| *earlier <= self && !ended.contains(earlier))
            .map(|earlier| earlier.name().to_owned())
            .collect()
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
    /// Until then it is tried, and can be sent again.
    pub give_up_at: DateTime<Utc>,
}

/// A mail that says nothing of its own time is tried for so long: AWS takes days to lift a suspension.
const LONGEST_TRIED: TimeDelta = TimeDelta::days(7);

/// When to give a mail up that was ordered at `now`: when it is pointless, which its sender says, or its own words: a template with a link
/// says for how many `minutes` or `days` the link works.
pub fn give_up_at(now: DateTime<Utc>, order: &SendMail) -> DateTime<Utc> {
    let said = |name: &str| order.variables.get(name).and_then(Value::as_i64);
    let minutes = said("minutes").and_then(TimeDelta::try_minutes);
    let lifetime =
        minutes.or_else(|| said("days").and_then(TimeDelta::try_days)).unwrap_or(LONGEST_TRIED).min(LONGEST_TRIED);
    let longest = now + lifetime;
    order.expires_at.map_or(longest, |expires_at| expires_at.min(longest))
}

/// One address that looks like one; SES has the last word.
pub fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let plain = !text.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';' | '"'));
    plain
        && text.len() <= 254
        && !local.is_empty()
        && !local.contains('@')
        && domain.contains('.')
        && !domain.starts_with('.')
        && !domain.ends_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn states_only_move_forward() {
        assert_eq!(
            Status::Delivered.overwrites(),
            ["queued", "held", "sending", "unknown", "given_up", "sent", "delivered"]
        );
        assert!(Status::Bounced.overwrites().contains(&"delivered".to_owned()));
        assert!(!Status::Complained.overwrites().contains(&"suppressed".to_owned()));
    }

    #[test]
    fn a_mail_is_tried_while_it_has_a_point() {
        let now = DateTime::UNIX_EPOCH;
        let kept = |variables: Value, expires_at: Option<TimeDelta>| {
            let order = SendMail {
                key: "k".into(),
                template: "t".into(),
                recipient: "a@b.de".into(),
                variables: variables.as_object().cloned().unwrap(),
                expires_at: expires_at.map(|lifetime| now + lifetime),
            };
            give_up_at(now, &order) - now
        };
        assert_eq!(kept(json!({}), None), TimeDelta::days(7));
        assert_eq!(kept(json!({"minutes": 30}), None), TimeDelta::minutes(30));
        assert_eq!(kept(json!({"days": 3}), Some(TimeDelta::days(2))), TimeDelta::days(2));
        for beyond in [json!({"days": 30}), json!({"days": i64::MAX}), json!({"minutes": "many"})] {
            assert_eq!(kept(beyond, Some(TimeDelta::days(30))), TimeDelta::days(7));
        }
    }

    #[test]
    fn addresses() {
        assert!(is_address("bounce@simulator.amazonses.com"));
        for wrong in ["", "a", "a@b", "a b@c.de", "a@b@c.de", "a@.de", "x@y.de\r\nBcc: z@y.de", "<a@b.de>"] {
            assert!(!is_address(wrong), "{wrong}");
        }
    }
}
