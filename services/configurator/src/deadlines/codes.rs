//! Which setup codes are of the old, short kind? They are replaced before anybody can guess them, also those of a process that was not updated yet.

use super::{BATCH, store};
use crate::{app::App, instances::setup, secrets::Purpose};
use common::db;

pub async fn renew(app: &App) -> sqlx::Result<usize> {
    let mut tx = db::begin_platform(&app.pool).await?;
    let short = store::lock_short_codes(&mut tx, BATCH).await?;
    for id in &short {
        let sealed = app.sealer.seal(&app.ambient, *id, Purpose::SetupCode, &setup::code(app.ambient.bytes()));
        store::set_code(&mut tx, *id, &sealed).await?;
    }
    tx.commit().await?;
    Ok(short.len())
}
