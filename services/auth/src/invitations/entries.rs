//! What the audit says of invitations. An address is masked: entries outlive whoever wants to be forgotten.

use super::{model::OpenInvitation, refusal_links::Whose, refusal_store::Refused};
use crate::email::Email;
use audit::{Entry, note, note_for, note_of_platform};
use common::db::{CrossTenantTx, TenantTx};
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

/// Nobody's invitations are wanted any more.
pub fn refused_all(tx: &mut CrossTenantTx, whose: &Whose, refused: &Refused) {
    for (tenant, invitation) in &refused.ended {
        note_for(tx, *tenant, refused_in(*invitation));
    }
    if refused.is_new {
        note_of_platform(tx, changed("invitations.refused", whose));
    }
}

/// The tenant's are not wanted any more.
pub fn refused_one(tx: &mut TenantTx, whose: &Whose, refused: &Refused) {
    for (_, invitation) in &refused.ended {
        note(tx, refused_in(*invitation));
    }
    if refused.is_new {
        note(tx, changed("invitations.refused", whose));
    }
}

pub fn changed(action: &'static str, whose: &Whose) -> Entry {
    let email = whose.email.parse().map(|email: Email| email.masked()).unwrap_or_default();
    Entry::new(action, format!("email:{email}"))
}

/// One that was open ended so.
fn refused_in(id: Uuid) -> Entry {
    Entry::new("invitation.refused", invitation(id))
}

fn invitation(id: Uuid) -> String {
    format!("invitation:{id}")
}
