//! What the audit says of machines and their secrets, never the secrets.

use super::store::Client;
use audit::Entry;
use contracts::id::{ClientId, Principal, SessionId};
use serde_json::json;

pub fn created(client: &Client) -> Entry {
    Entry::new("client.created", Principal::from(client.id)).after(json!(client))
}

pub fn edited(before: &Client, after: &Client) -> Entry {
    Entry::new("client.edited", Principal::from(after.id)).before(json!(before)).after(json!(after))
}

pub fn secret_made(client: ClientId, secret: SessionId) -> Entry {
    Entry::new("client_secret.made", Principal::from(client)).after(json!({"secret_id": secret}))
}

/// The secret, or the client with all of them.
pub fn ended(client: ClientId, secret: Option<SessionId>) -> Entry {
    match secret {
        Some(secret) => {
            Entry::new("client_secret.revoked", Principal::from(client)).before(json!({"secret_id": secret}))
        }
        None => Entry::new("client.deleted", Principal::from(client)),
    }
}
