//! What the audit says of identity providers, never their secrets, and of whom they vouch for.

use crate::sessions::model::EndReason;
use audit::Entry;
use contracts::id::{Principal, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

/// As it is shown.
pub fn created(provider: Uuid, shown: Value) -> Entry {
    Entry::new("identity_provider.created", target(provider)).after(shown)
}

pub fn edited(provider: Uuid, before: Value, after: Value) -> Entry {
    Entry::new("identity_provider.edited", target(provider)).before(before).after(after)
}

pub fn deleted(provider: Uuid) -> Entry {
    Entry::new("identity_provider.deleted", target(provider))
}

/// Its sessions, and whom it knew.
pub fn ended(provider: Uuid, sessions: u64, identities: u64) -> Entry {
    let before = json!({"sessions": sessions, "identities": identities});
    Entry::new("sessions.ended", target(provider)).before(before).after(json!({"reason": EndReason::EndedByTenant}))
}

/// From now on the provider's own name for them is theirs.
pub fn linked(provider: Uuid, user: UserId) -> Entry {
    let user = Principal::User(user);
    Entry::new("identity.linked", target(provider)).after(json!({"principal": user})).by(user)
}

fn target(provider: Uuid) -> String {
    format!("identity_provider:{provider}")
}
