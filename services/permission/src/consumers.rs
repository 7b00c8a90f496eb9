//! What does this service hear from others? Tenants, members and products.

mod member_joined;
mod service_published;
mod tenant_created;

use crate::{app::App, grants::store, stamps};
use contracts::{
    id::{Principal, TenantId, UserId},
    messages::{MemberJoined, ServicePublished, TenantCreated},
};
use messaging::{Aws, Consumer};
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;

pub async fn run(app: App, aws: Aws, shutdown: CancellationToken) {
    Consumer::new(&aws, "permission", app.pool.clone(), app.ambient.clone())
        .on::<TenantCreated, _>(app.clone())
        .on::<MemberJoined, _>(app.clone())
        .on::<ServicePublished, _>(app)
        .run(shutdown)
        .await;
}

/// Gives the user a built-in role, as auth said.
async fn give(conn: &mut PgConnection, app: &App, tenant: TenantId, user: UserId, role: &str) -> sqlx::Result<()> {
    let (principal, auth) = (Principal::User(user), Principal::Client("auth".into()));
    let grant = store::NewGrant {
        id: app.ambient.uuid(),
        principal: &principal,
        role_id: None,
        permission: None,
        expires_at: None,
        reason: None,
        granted_by: &auth,
        now: app.ambient.now(),
    };
    store::insert_built_in(conn, tenant, &grant, role).await?;
    stamps::owe(conn, tenant, &principal).await?;
    // A message handler acts before its commit, where a stamp would be too early.
    stamps::leave_to_background(conn).await
}
