//! What the audit says of members who go, or are logged out. One entry has all that ends with it: it may be much.

use super::store::{EndedAccess, EndedSessions};
use crate::sessions::model::EndReason;
use audit::Entry;
use contracts::id::{Principal, UserId};
use serde_json::json;

/// By somebody else in the tenant.
pub fn logged_out(user: UserId, ended: &EndedSessions) -> Entry {
    let before = json!({"sessions": ended.sessions, "consents": ended.consents});
    let after = json!({"reason": EndReason::EndedByTenant});
    Entry::new("sessions.ended", Principal::User(user)).before(before).after(after)
}

/// `by` is who asked for it, maybe a while ago.
pub fn removed(user: UserId, by: &Principal, ended: &EndedSessions, more: &EndedAccess) -> Entry {
    let user = Principal::User(user);
    let action = if user == *by { "member.left" } else { "member.removed" };
    let before = json!({
        "sessions": ended.sessions,
        "consents": ended.consents,
        "api_keys": more.api_keys,
        "invitations": more.invitations,
    });
    Entry::new(action, user).before(before).by(by.clone())
}
