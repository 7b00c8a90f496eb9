//! What the audit says of people and tenants that come to be. It names them by their ids alone.

use audit::{Actor, Entry, note};
use common::db::TenantTx;
use contracts::{
    id::{Principal, UserId},
    messages::TenantCreated,
};
use serde_json::json;

/// Somebody has an account; in the chain of the platform.
pub fn registered(user: UserId) -> Entry {
    Entry::new("user.registered", Principal::User(user))
}

/// A tenant is there, with its owner as its first member.
pub fn tenant_made(tx: &mut TenantTx, created: &TenantCreated, by: &Actor) {
    let owner = Principal::User(created.owner_user_id);
    let state = json!({"name": created.name, "kind": created.kind, "principal": owner});
    let tenant = format!("tenant:{}", created.tenant_id);
    note(tx, Entry::new("tenant.created", tenant).after(state).by(by.clone()));
    note(tx, joined(created.owner_user_id).by(by.clone()));
}

pub fn joined(user: UserId) -> Entry {
    Entry::new("member.joined", Principal::User(user))
}
