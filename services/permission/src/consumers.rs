//! What does this service hear from others? Tenants, members and products.

mod client_deleted;
mod member_joined;
mod service_published;
mod tenant_created;

use crate::{
    app::App,
    audit::{self, Entry},
    effective::model::Effect,
    grants::{changes::Wish, grantee::Grantee, store},
    stamps,
};
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
    let wish = Wish {
        principal: Grantee::Principal(principal.clone()),
        effect: Effect::Allow,
        role: Some(role.to_owned()),
        permission: None,
        expires_at: None,
        reason: None,
    };
    let grant = store::NewGrant { id: app.ambient.uuid(), wish: &wish, role_id: None, granted_by: &auth, now };
    let Some(grant) = store::insert_built_in(tx, &grant, role).await? else { return Ok(()) };
    let (target, origin) = (format!("grant:{}", grant.id), json!({"client_id": "auth"}));
    let entry = Entry {
        action: "grant.created",
        target: &target,
        before: None,
        after: Some(json!(grant)),
        actor: &auth,
        origin: &origin,
    };
    audit::store::append(tx, &app.ambient, &entry).await?;
    stamps::owe(tx, &principal).await?;
    // A message handler acts before its commit, where a stamp would be too early.
    stamps::leave_to_background(tx);
    Ok(())
}
