//! The end of a session of which somebody has a copy: nobody can say who of the two is the thief, so both are out, the
//! platform is told, and so is the person.

use super::{entries, model::EndReason, store};
use crate::{accounts::store as accounts, app::App, mail};
use common::{db::TenantTx, problem::Problem};
use contracts::{
    id::SessionId,
    messages::{CompromiseReason, SessionCompromised},
};

/// Ends the session, and answers only when no token of it is taken any more. What had ended before is not told again.
pub async fn end(app: &App, mut tx: TenantTx, session_id: SessionId, what: CompromiseReason) -> Result<(), Problem> {
    let (tenant_id, now) = (tx.tenant(), app.ambient.now());
    if let Some((user_id, client_id)) = store::end(&mut tx, session_id, reason(what), now).await? {
        audit::note(&mut tx, entries::ended(user_id, session_id, reason(what)));
        messaging::publish(&mut tx, &SessionCompromised { tenant_id, user_id, session_id, client_id, reason: what })
            .await?;
        if let Some(user) = accounts::find_user(&mut tx, user_id).await? {
            let whose = (session_id, user_id, client_id);
            messaging::publish(&mut tx, &mail::session_compromised(whose, &user.email, now)).await?;
        }
        tracing::warn!(%session_id, %user_id, reason = ?what, "A session was ended, as somebody has a copy of it");
    }
    tx.commit().await?;
    Ok(app.live_sessions.close(tenant_id, session_id).await?)
}

fn reason(what: CompromiseReason) -> EndReason {
    match what {
        CompromiseReason::RefreshReused => EndReason::RefreshReused,
        CompromiseReason::CodeReused => EndReason::CodeReused,
    }
}
