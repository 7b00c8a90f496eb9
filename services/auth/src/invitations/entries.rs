//! What the audit says of invitations. An address is masked: entries outlive whoever wants to be forgotten.

use super::{model::OpenInvitation, refusal_links::Whose};
use crate::email::Email;
use audit::Entry;
use contracts::id::{Principal, UserId};
use serde_json::json;
use uuid::Uuid;

pub fn created(open: &OpenInvitation, to: &Email) -> Entry {
    Entry::new("invitation.created", invitation(open.id)).after(json!({"email": to.masked()}))
}

pub fn sent_again(open: &OpenInvitation, to: &Email) -> Entry {
    let state = json!({"email": to.masked(), "mails": open.mails});
    Entry::new("invitation.sent_again", invitation(open.id)).after(state)
}

pub fn withdrawn(id: Uuid) -> Entry {
    Entry::new("invitation.withdrawn", invitation(id))
}

pub fn accepted(id: Uuid, by: UserId) -> Entry {
    let by = Principal::User(by);
    Entry::new("invitation.accepted", invitation(id)).after(json!({"principal": by})).by(by)
}

/// One that was open ended so.
pub fn refused(id: Uuid) -> Entry {
    Entry::new("invitation.refused", invitation(id))
}

/// The address wants none (any more), or some again.
pub fn refusals_changed(action: &'static str, whose: &Whose) -> Entry {
    let email = whose.email.parse().map(|email: Email| email.masked()).unwrap_or_default();
    Entry::new(action, format!("email:{email}"))
}

fn invitation(id: Uuid) -> String {
    format!("invitation:{id}")
}
