//! What the audit says of identity providers, never their secrets, and of whom they vouch for.

use super::routes::IdentityProvider;
use crate::sessions::model::EndReason;
use audit::Entry;
use contracts::id::{Principal, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

pub fn created(provider: &IdentityProvider) -> Entry {
    Entry::new("identity_provider.created", target(provider.id)).after(json!(provider))
}

pub fn edited(before: &Value, after: &IdentityProvider) -> Entry {
    Entry::new("identity_provider.edited", target(after.id)).before(before.clone()).after(json!(after))
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
