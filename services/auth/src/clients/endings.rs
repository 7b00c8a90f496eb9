//! End of the sessions that people have in an app that is deleted. There may be many, so a few end at a time; whatever
//! interrupts that, the app gets no new tokens, and a repeated deletion goes on.

use crate::{
    app::App,
    sessions::model::{EndReason, IDLE, told_since},
};
use chrono::{DateTime, Utc};
use common::{
    db::{CrossTenantTx, Db},
    problem::Problem,
};
use contracts::id::{ClientId, SessionId, TenantId};
use std::collections::BTreeMap;

/// Sessions a statement.
const BATCH: i64 = 500;

/// Ends them, and answers only when no token of theirs is taken any more.
pub async fn end_all(app: &App, client: ClientId) -> Result<(), Problem> {
    let now = app.ambient.now();
    loop {
        let mut tx = begin(&app.db).await?;
        let ended = end(&mut tx, client, now).await?;
        tx.commit().await?;
        close(app, &ended).await?;
        if ended.is_empty() {
            break;
        }
    }
    // What ended before and was perhaps never told.
    let since = told_since(app.access_token, now);
    close(app, &ended_since(&mut begin(&app.db).await?, client, since).await?).await
}

async fn close(app: &App, ended: &[(TenantId, SessionId)]) -> Result<(), Problem> {
    let mut of_tenants = BTreeMap::<_, Vec<_>>::new();
    for (tenant, session) in ended {
        of_tenants.entry(*tenant).or_default().push(*session);
    }
    for (tenant, sessions) in of_tenants {
        app.live_sessions.close_all(tenant, &sessions).await?;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "people of several tenants may use one app")]
async fn begin(db: &Db) -> sqlx::Result<CrossTenantTx> {
    db.begin_across_tenants().await
}

async fn end(tx: &mut CrossTenantTx, client: ClientId, now: DateTime<Utc>) -> sqlx::Result<Vec<(TenantId, SessionId)>> {
    let rows = sqlx::query!(
        "UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE id IN (SELECT id FROM sessions
           WHERE client_id = $1 AND ended_at IS NULL AND expires_at > $2 AND last_used_at > $4 LIMIT $5)
         RETURNING tenant_id, id",
        client.0,
        now,
        EndReason::ClientDeleted as EndReason,
        now - IDLE,
        BATCH
    );
    Ok(rows.fetch_all(&mut **tx).await?.into_iter().map(|row| (TenantId(row.tenant_id), SessionId(row.id))).collect())
}

async fn ended_since(
    tx: &mut CrossTenantTx,
    client: ClientId,
    since: DateTime<Utc>,
) -> sqlx::Result<Vec<(TenantId, SessionId)>> {
    let rows =
        sqlx::query!("SELECT tenant_id, id FROM sessions WHERE client_id = $1 AND ended_at >= $2", client.0, since);
    Ok(rows.fetch_all(&mut **tx).await?.into_iter().map(|row| (TenantId(row.tenant_id), SessionId(row.id))).collect())
}
