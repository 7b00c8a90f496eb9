//! What the audit says of machines and their secrets, never the secrets.

use super::store::Client;
use audit::Entry;
use contracts::id::{ClientId, Principal, SessionId};
use serde_json::json;

pub fn created(client: &Client) -> Entry {
    Entry::new("client.created", machine(client.id)).after(json!(client))
}

pub fn edited(before: &Client, after: &Client) -> Entry {
    Entry::new("client.edited", machine(after.id)).before(json!(before)).after(json!(after))
}

pub fn secret_made(client: ClientId, secret: SessionId) -> Entry {
    Entry::new("client_secret.made", machine(client)).after(json!({"secret_id": secret}))
}

/// The secret, or the client with all of them.
pub fn ended(client: ClientId, secret: Option<SessionId>) -> Entry {
    match secret {
        Some(secret) => Entry::new("client_secret.revoked", machine(client)).before(json!({"secret_id": secret})),
        None => Entry::new("client.deleted", machine(client)),
    }
}

fn machine(client: ClientId) -> Principal {
    Principal::Client(client.to_string())
}
