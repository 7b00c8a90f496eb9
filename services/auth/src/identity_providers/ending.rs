//! The end of a provider: with it end its sessions, and whom it knows is forgotten.

use super::{ending_store as store, entries};
use crate::{
    app::App,
    sessions::{ending::close_all, model::told_since},
};
use chrono::{DateTime, Utc};
use common::{db::TenantTx, problem::Problem};
use uuid::Uuid;

/// In the transaction that ends the provider, or makes another of it. Then [`tell`].
pub async fn end(tx: &mut TenantTx, provider: Uuid, now: DateTime<Utc>) -> sqlx::Result<()> {
    let (sessions, identities) = store::end(tx, provider, now).await?;
    if sessions + identities > 0 {
        audit::note(tx, entries::ended(provider, sessions, identities));
    }
    Ok(())
}

/// Commits, and answers only when no token of what has ended is taken any more; also of what ended before and was
/// perhaps never told.
pub async fn tell(app: &App, mut tx: TenantTx, provider: Uuid) -> Result<(), Problem> {
    let (tenant, since) = (tx.tenant(), told_since(app.access_token, app.ambient.now()));
    let ended = store::ended(&mut tx, provider, since).await?;
    tx.commit().await?;
    close_all(app, ended.into_iter().map(|session| (tenant, session)).collect()).await
}
