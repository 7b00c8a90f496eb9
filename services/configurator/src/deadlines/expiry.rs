//! The end of what nobody finishes: it is deleted like what is cancelled, so that its host, its database and its place
//! in the quota are free again. While a tenant is suspended, for 90 days at most, nothing of it expires; then its time begins anew.

use super::{BATCH, store};
use crate::{
    app::App,
    instances::{
        self,
        model::{self, Step},
    },
    suspension::RESTS,
};
use common::db::Background;

pub async fn delete(app: &App, background: Background) -> sqlx::Result<usize> {
    let now = app.ambient.now();
    let mut tx = background.begin_across_tenants(&app.db).await?;
    let unfinished = store::lock_unfinished(&mut tx, now - app.expiry, now - RESTS, BATCH).await?;
    for due in &unfinished {
        let tx = tx.narrow(due.tenant_id).await?;
        let Some(instance) = instances::store::get(tx, due.id).await? else { continue };
        let Some(state) = model::after(instance.state, Step::Cancel) else { continue };
        instances::store::advance(tx, due.id, state, None, now).await?;
        tracing::info!(instance_id = %due.id, state = ?instance.state, "An instance that nobody finished is deleted");
    }
    tx.commit().await?;
    Ok(unfinished.len())
}
