//! The mails of resets, ordered behind the answer: who has no account gets none, and nobody sees that from outside.

use super::store::{self, Waiting};
use crate::{accounts::store as accounts, app::App, mail, mail_rate, opaque::OpaqueToken};
use common::{poller::Poller, problem::Problem};
use sqlx::PgConnection;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What a commit wakes this for.
pub const RESETS: &str = "password_resets";
/// Looks this often even if nobody was woken: another process may have died.
const POLL: Duration = Duration::from_secs(5);

/// Looks at what was asked for, until `shutdown`.
pub async fn run(app: App, shutdown: CancellationToken) {
    let mut poller = Poller::new(app.db.wake(RESETS), POLL, shutdown);
    while poller.next().await {
        poller.report(next(&app).await, "Links for new passwords cannot be mailed yet");
    }
}

/// `false` if there is none.
async fn next(app: &App) -> Result<bool, Problem> {
    let now = app.ambient.now();
    let mut tx = app.db.begin_tenantless().await?;
    let Some(waiting) = store::next_waiting(&mut tx, now).await? else { return Ok(false) };
    if goes(&mut tx, app, &waiting).await? {
        let token = OpaqueToken::new(&app.ambient);
        store::mailed(&mut tx, waiting.id, &token, now).await?;
        messaging::publish(&mut tx, &mail::reset_password(&app.public_url, &waiting, &token, now)).await?;
    } else {
        store::delete(&mut tx, waiting.id).await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// Whether the address gets a link: it has an account, and few mails lately, or no link that works.
async fn goes(conn: &mut PgConnection, app: &App, waiting: &Waiting) -> sqlx::Result<bool> {
    // An address that an older version took and this one does not has no account.
    let Ok(email) = waiting.email.parse() else { return Ok(false) };
    if waiting.is_over || accounts::find_user_by_email(conn, &email).await?.is_none() {
        return Ok(false);
    }
    Ok(mail_rate::RESETS.take(conn, &app.ambient, &waiting.email).await?
        || !store::has_link(conn, &waiting.email, app.ambient.now()).await?)
}
