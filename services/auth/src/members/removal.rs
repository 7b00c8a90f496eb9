//! Removal of a member: in which order does everything of theirs end, whatever interrupts it?
//!
//! The removal is noted first. Then the permission service ends what they were granted, or refuses because nobody would
//! own the tenant; then their membership, sessions and keys end in one transaction; then Redis is told of each; then
//! the note is deleted. Every step may be done again, and [`run`] does so until none is left: a removal is never given
//! up, as each step that has been done would be half of one.

use super::{
    entries,
    store::{self, Removal},
};
use crate::{
    app::App,
    authority::SpeaksFor,
    issuer::MACHINE_TOKEN,
    sessions::model::{EndReason, told_since},
};
use access::client::ClientError;
use chrono::{DateTime, TimeDelta, Utc};
use common::{
    db::{Background, TenantScope, TenantTx},
    poller::Poller,
    problem::{Chain, Problem, RETRY_AFTER_OUTAGE},
};
use contracts::{
    http::authority::RemovalRequest,
    id::{NotAPrincipal, Principal, UserId},
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A removal that is older is taken to be interrupted. Longer than its steps wait for others, and soon enough for
/// whoever left no grants behind.
const INTERRUPTED_AFTER: TimeDelta = TimeDelta::seconds(30);
const PAUSE: Duration = Duration::from_secs(5);
/// Removals taken up at once.
const BATCH: i64 = 50;

/// Removes a member of the tenant, and answers only when nothing of theirs is taken any more.
pub async fn remove(app: &App, mut tx: TenantTx, member: SpeaksFor<UserId>, by: &Principal) -> Result<(), Problem> {
    let tenant = tx.scope();
    let removal = store::note(&mut tx, member.whom(), by, app.ambient.now()).await?.ok_or_else(no_such_member)?;
    tx.commit().await?;
    complete(app, &tenant, &removal).await
}

/// Ends all sessions of a member in the tenant, and answers only when no token of theirs is taken any more.
pub async fn end_sessions(app: &App, mut tx: TenantTx, member: SpeaksFor<UserId>) -> Result<(), Problem> {
    let (tenant, user, now) = (tx.tenant(), member.whom(), app.ambient.now());
    if !store::lock_member(&mut tx, user).await? {
        return Err(no_such_member());
    }
    store::refuse_sessions_before(&mut tx, user, now).await?;
    let ends = store::end_sessions(&mut tx, user, EndReason::EndedByTenant, now).await?;
    audit::note(&mut tx, entries::logged_out(user, &ends));
    let ended = store::ended_since(&mut tx, user, since(app, now)).await?;
    tx.commit().await?;
    Ok(app.live_sessions.close_all(tenant, &ended).await?)
}

/// Every step, also those that were done before.
async fn complete(app: &App, tenant: &TenantScope, removal: &Removal) -> Result<(), Problem> {
    let (user, now) = (removal.user_id, app.ambient.now());
    let by = removal.removed_by.parse().map_err(|fault: NotAPrincipal| Problem::internal(&fault))?;
    end_grants(app, tenant, removal, &by).await?;
    let mut tx = tenant.begin().await?;
    // Whoever has joined again meanwhile has another membership, whose sessions are not touched.
    if store::end_membership(&mut tx, removal.membership_id).await? {
        let ends = store::end_sessions(&mut tx, user, EndReason::MemberRemoved, now).await?;
        let more = store::end_keys_and_invitations(&mut tx, user, now).await?;
        audit::note(&mut tx, entries::removed(user, &by, &ends, &more));
    }
    let ended = store::ended_since(&mut tx, user, since(app, now)).await?;
    tx.commit().await?;
    app.live_sessions.close_all(removal.tenant_id, &ended).await.map_err(|error| unconfirmed(&error))?;
    forget(tenant, removal).await
}

/// Of sessions and keys.
fn since(app: &App, now: DateTime<Utc>) -> DateTime<Utc> {
    told_since(app.access_token.max(MACHINE_TOKEN), now)
}

async fn end_grants(app: &App, tenant: &TenantScope, removal: &Removal, by: &Principal) -> Result<(), Problem> {
    let Removal { membership_id: id, tenant_id, user_id, .. } = removal;
    let (principal, by) = (Principal::User(*user_id), by.clone());
    let request = RemovalRequest { tenant_id: *tenant_id, principal, id: *id, by };
    match app.client.post::<_, ()>(&format!("{}/internal/removals", app.base.permission_url), &request).await {
        Ok(()) => Ok(()),
        Err(ClientError::Refused(problem)) if problem.code.starts_with("last_") => {
            forget(tenant, removal).await?;
            Err(Problem::conflict(&problem.code, problem.detail))
        }
        Err(error) => Err(unconfirmed(&error)),
    }
}

async fn forget(tenant: &TenantScope, removal: &Removal) -> Result<(), Problem> {
    let mut tx = tenant.begin().await?;
    store::forget(&mut tx, removal.membership_id).await?;
    Ok(tx.commit().await?)
}

/// Completes what was interrupted, until `shutdown`.
pub async fn run(app: App, background: Background, shutdown: CancellationToken) {
    let mut poller = Poller::every(PAUSE, shutdown);
    while poller.next().await {
        let pass = complete_interrupted(&app, background, app.ambient.now()).await;
        poller.report(pass.map(|()| false), "Interrupted removals of members wait for the database");
    }
}

/// One try for each removal that was interrupted before `now`.
pub async fn complete_interrupted(app: &App, background: Background, now: DateTime<Utc>) -> sqlx::Result<()> {
    let (interrupted, waiting) = {
        let mut tx = background.begin_across_tenants(&app.db).await?;
        (store::older_than(&mut tx, now - INTERRUPTED_AFTER, BATCH).await?, store::count(&mut tx).await?)
    };
    metrics::gauge!("member_removals_open").set(waiting as f64);
    for removal in interrupted {
        match complete(app, &background.scope(&app.db, removal.tenant_id), &removal).await {
            Ok(()) => tracing::info!(tenant = %removal.tenant_id, "An interrupted removal of a member is complete"),
            Err(problem) => {
                tracing::warn!(error = %problem, tenant = %removal.tenant_id, "A removal of a member is not complete \
                    yet")
            }
        }
    }
    Ok(())
}

pub fn no_such_member() -> Problem {
    Problem::not_found("member_not_found", "The tenant has no such member.")
}

fn unconfirmed(error: &dyn std::error::Error) -> Problem {
    tracing::warn!(error = %Chain(error), "A removal of a member is noted and not complete yet");
    let detail = "The removal is noted and goes on by itself, but something of the member may still be taken. Repeat \
                  the request until it is answered otherwise.";
    Problem { code: "removal_unconfirmed".into(), ..Problem::unavailable(RETRY_AFTER_OUTAGE, detail) }
}
