//! What does nobody finish? It is deleted like what is cancelled, so that its host, its database and its place in the quota are free again.

use super::{BATCH, store};
use crate::{
    app::App,
    instances::{self, model::Step},
};
use common::db;

pub async fn delete(app: &App) -> sqlx::Result<usize> {
    let now = app.ambient.now();
    let mut tx = db::begin_platform(&app.pool).await?;
    let unfinished = store::lock_unfinished(&mut tx, now - app.expiry, BATCH).await?;
    for id in &unfinished {
        let Some(instance) = instances::store::get(&mut tx, *id).await? else { continue };
        let Some(state) = instance.state.after(Step::Cancel) else { continue };
        instances::store::advance(&mut tx, *id, state, None, now).await?;
        tracing::info!(instance_id = %id, state = ?instance.state, "An instance that nobody finished is deleted");
    }
    tx.commit().await?;
    Ok(unfinished.len())
}
