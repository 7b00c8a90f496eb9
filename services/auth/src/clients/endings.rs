//! End of the sessions that people have in an app that is deleted. There may be many, so a few end at a time; whatever
//! interrupts that, the app gets no new tokens, and a repeated deletion goes on.

use super::ending_store as store;
use crate::{
    app::App,
    sessions::{
        ending::{begin, close_all},
        model::told_since,
    },
};
use common::problem::Problem;
use contracts::id::ClientId;

/// Ends them, and answers only when no token of theirs is taken any more.
pub async fn end_all(app: &App, client: ClientId) -> Result<(), Problem> {
    let now = app.ambient.now();
    loop {
        let mut tx = begin(app).await?;
        let ended = store::end(&mut tx, client, now).await?;
        tx.commit().await?;
        if ended.is_empty() {
            break;
        }
    }
    // Also what ended before and was perhaps never told.
    let since = told_since(app.access_token, now);
    let ended = store::ended(&mut begin(app).await?, client, since).await?;
    close_all(app, ended).await
}
