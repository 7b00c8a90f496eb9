//! Setup codes of the old, short kind. They are replaced before anybody can guess them, also those of a process that
//! was not updated yet.

use super::{BATCH, store};
use crate::{app::App, instances::setup, secrets::Purpose};
use common::db::Background;

pub async fn renew(app: &App, background: Background) -> sqlx::Result<usize> {
    let mut tx = background.begin_across_tenants(&app.db).await?;
    let short = store::lock_short_codes(&mut tx, BATCH).await?;
    for due in &short {
        let sealed = app.sealer.seal(&app.ambient, due.id, Purpose::SetupCode, &setup::code(app.ambient.bytes()));
        store::set_code(tx.narrow(due.tenant_id).await?, due.id, &sealed).await?;
    }
    tx.commit().await?;
    Ok(short.len())
}
