//! The types of invitations, of the limits they count towards, and of their refusal.

use chrono::{DateTime, TimeDelta, Utc};
use contracts::id::{TenantId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// How long the link in the mail works: people read mail after a holiday, too.
pub const LINK_LIFETIME: TimeDelta = TimeDelta::days(7);

/// An invitation that nobody has answered yet, as whoever has its link sees it.
pub struct Invitation {
    pub id: Uuid,
    pub tenant_id: TenantId,
    pub tenant_name: String,
    pub inviter: String,
    pub email: String,
    pub return_to: Option<String>,
}

/// An invitation that nobody has answered yet, as the tenant sees it.
#[derive(Serialize, ToSchema)]
pub struct OpenInvitation {
    pub id: Uuid,
    #[schema(format = Email, example = "bob@acme.test")]
    pub email: String,
    /// Who invited them.
    pub invited_by: UserId,
    #[schema(example = "Ada Lovelace")]
    pub inviter: String,
    pub created_at: DateTime<Utc>,
    /// When a mail was last asked for.
    pub asked_at: DateTime<Utc>,
    /// The address has had many invitations today, so the mail goes later.
    pub mail_waits: bool,
    pub expires_at: DateTime<Utc>,
    #[serde(skip)]
    pub mails: i16,
    /// Where the page that joins the tenant leads on to.
    #[serde(skip)]
    pub return_to: Option<String>,
}

/// An invitation whose mail is to go, now or later.
pub struct Waiting {
    pub id: Uuid,
    pub tenant_id: TenantId,
    pub tenant_name: String,
    pub inviter: String,
    pub email: String,
    pub mails: i16,
}

/// So many mails in any time as long as the window.
#[derive(Debug)]
pub struct Limit {
    pub most: i64,
    pub window: TimeDelta,
}

/// What a tenant has used of a limit.
#[derive(Debug, PartialEq)]
pub struct Used {
    pub count: i64,
    /// When the first of the last `most` was asked for.
    pub since: Option<DateTime<Utc>>,
}

/// Whose invitations shall come no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Senders {
    /// Those of the tenant whose invitation it was.
    #[default]
    #[serde(alias = "One-Click")]
    Tenant,
    Everybody,
    /// Both may come again.
    Nobody,
}
