//! End of the sessions that people have in an app that is deleted. There may be many, so a few end at a time; whatever
//! interrupts that, the app gets no new tokens, and a repeated deletion goes on.

use crate::{
    app::App,
    sessions::{
        ending::{begin, close_all},
        ending_store as store, entries,
        model::told_since,
    },
};
use common::problem::Problem;
use contracts::id::ClientId;
use std::collections::BTreeMap;

/// Ends them, and answers only when no token of theirs is taken any more.
pub async fn end_all(app: &App, client: ClientId) -> Result<(), Problem> {
    let now = app.ambient.now();
    loop {
        let mut tx = begin(app).await?;
        let ended = store::end_of_client(&mut tx, client, now).await?;
        let mut of_tenants = BTreeMap::<_, usize>::new();
        ended.iter().for_each(|(tenant, _)| *of_tenants.entry(*tenant).or_default() += 1);
        for (tenant, many) in of_tenants {
            audit::note_for(&mut tx, tenant, entries::ended_with_client(client, many));
        }
        tx.commit().await?;
        if ended.is_empty() {
            break;
        }
    }
    // Also what ended before and was perhaps never told.
    let since = told_since(app.access_token, now);
    let ended = store::ended_of_client(&mut begin(app).await?, client, since).await?;
    close_all(app, ended).await
}
