//! Consumer of what other services say of tenants, members, machines and products.

mod client_deleted;
mod member_joined;
mod service_published;
mod tenant_created;

use crate::{app::App, audit::store as audit_store, grants::store, stamps};
use audit::Entry;
use common::db::TenantTx;
use contracts::{
    id::{Principal, UserId},
    messages::{ClientDeleted, MemberJoined, ServicePublished, TenantCreated},
};
use serde_json::json;
use service_kit::Handlers;

/// Takes what happens elsewhere.
pub fn facts() -> Handlers<App> {
    Handlers::of("permission").on::<TenantCreated>().on::<MemberJoined>().on::<ClientDeleted>().on::<ServicePublished>()
}

/// Gives the user a built-in role, as auth said.
async fn give(tx: &mut TenantTx, app: &App, user: UserId, role: &str) -> sqlx::Result<()> {
    let (principal, auth, now) = (Principal::User(user), Principal::Client("auth".into()), app.ambient.now());
    let given = store::insert_built_in(tx, app.ambient.uuid(), &principal, role, &auth, now).await?;
    let Some(grant) = given else { return Ok(()) };
    let target = format!("grant:{}", grant.id);
    audit_store::append_of_auth(tx, Entry::new("grant.created", target).after(json!(grant))).await?;
    stamps::store::invalidate(tx, &principal).await?;
    // A message handler acts before its commit, where a stamp would be too early.
    stamps::leave_to_background(tx);
    Ok(())
}
