//! What the audit says of sessions: who began one and how, and why one ended.

use super::model::{EndReason, Session};
use crate::oauth::scope::Scopes;
use audit::Entry;
use contracts::id::{ClientId, Principal, SessionId, UserId};
use serde_json::{Value, json};

/// By whoever has just proved who they are.
pub fn opened(session: &Session) -> Entry {
    let user = Principal::User(session.user_id);
    let state = json!({
        "session_id": session.id,
        "client_id": session.client_id(),
        "amr": session.methods(),
    });
    Entry::new("session.opened", &user).after(state).by(user)
}

pub fn ended(user: UserId, session: SessionId, reason: EndReason) -> Entry {
    Entry::new("session.ended", Principal::User(user)).before(json!({"session_id": session})).after(because(reason))
}

/// It goes on in another tenant of the person's, which is not this one's to know.
pub fn left(session: &Session) -> Entry {
    let user = Principal::User(session.user_id);
    Entry::new("session.left", &user).before(json!({"session_id": session.id})).by(user)
}

/// It has come from another tenant of the person's.
pub fn came(session: &Session) -> Entry {
    let user = Principal::User(session.user_id);
    let state = json!({"session_id": session.id, "amr": session.methods()});
    Entry::new("session.came", &user).after(state).by(user)
}

/// Of several sessions of a person in a tenant, all but `kept`.
pub fn ended_many(user: UserId, many: i64, kept: Option<SessionId>, reason: EndReason) -> Entry {
    let before = json!({"sessions": many, "kept": kept});
    Entry::new("sessions.ended", Principal::User(user)).before(before).after(because(reason))
}

/// Of people's sessions in an app.
pub fn ended_with_client(client: ClientId, many: usize) -> Entry {
    let before = json!({"sessions": many});
    Entry::new("sessions.ended", Principal::from(client)).before(before).after(because(EndReason::ClientDeleted))
}

/// The session has a second proof, or a new one.
pub fn stepped_up(session: &Session) -> Entry {
    let state = json!({"session_id": session.id, "amr": session.methods()});
    Entry::new("session.stepped_up", Principal::User(session.user_id)).after(state)
}

pub fn consent_given(user: UserId, client: ClientId, scopes: &Scopes) -> Entry {
    let user = Principal::User(user);
    let state = json!({"principal": user, "scopes": scopes.to_vec()});
    Entry::new("consent.given", Principal::from(client)).after(state).by(user)
}

pub fn consent_withdrawn(user: UserId, client: ClientId) -> Entry {
    Entry::new("consent.withdrawn", Principal::from(client)).before(json!({"principal": Principal::User(user)}))
}

fn because(reason: EndReason) -> Value {
    json!({"reason": reason})
}
