//! A session that goes on in another tenant of its person, by a refresh that names it.
//!
//! It stays one session: its refresh tokens are one chain, it ends when it would have ended, and whatever ends it ends
//! it there. In the tenant that it leaves none of its tokens is taken any more. The refresh token is used up by the
//! commit that moves it, so whoever was not answered asks once more.

use super::{
    ending, entries,
    model::{Alive, Session},
    moving_store as store,
    opening::{self, Holder, refresh_invalid},
};
use crate::{
    accounts::refusals::{not_a_member, refuse_by_provider},
    app::App,
    factors::authentication::{ONE_FACTOR, acr},
    opaque::OpaqueToken,
    policy::store as policy,
};
use common::{
    db::{CrossTenantTx, TenantTx},
    limit::Limit,
    problem::Problem,
    source::Source,
};
use contracts::id::TenantId;
use std::time::Duration;

/// Of one person from one network: each is written down in both tenants.
const MOVES: Limit = Limit { name: "tenant-switch", most: 120, window: Duration::from_secs(3600) };

/// As [`opening::renew`], in `tenant`. Who may not act there keeps the session as it was, and its refresh token.
pub async fn renew_in(app: &App, source: Source, shown: &OpaqueToken, tenant: TenantId) -> Result<Alive, Problem> {
    let mut tx = ending::begin(app).await?;
    let session = store::lock(&mut tx, shown).await?.ok_or_else(refresh_invalid)?;
    Holder::Frontend.may_renew(&session)?;
    if session.tenant_id == tenant {
        drop(tx);
        return opening::renew(app, shown, Holder::Frontend).await;
    }
    refuse_by_provider(&session.methods())?;
    app.limiter.admit_for(&MOVES, source, &session.user_id.to_string()).await?;
    let next = opening::next_token(tx.narrow(session.tenant_id).await?, app, &session, shown).await?;
    let Ok(refresh_token) = next else {
        drop(tx);
        // It has ended, or ends by this.
        return opening::renew(app, shown, Holder::Frontend).await.and(Err(refresh_invalid()));
    };
    admit(tx.narrow(tenant).await?, &session).await?;
    tx.widen().await?;
    let session = go(&mut tx, app, session, tenant).await?;
    tx.commit().await?;
    Ok(Alive { session, refresh_token })
}

/// While the row is locked nobody tells Redis otherwise.
async fn go(tx: &mut CrossTenantTx, app: &App, session: Session, tenant: TenantId) -> Result<Session, Problem> {
    store::act_in(tx, session.id, tenant).await?;
    audit::note_for(tx, session.tenant_id, entries::left(&session));
    audit::note_for(tx, tenant, entries::came(&session));
    app.live_sessions.close(session.tenant_id, session.id).await?;
    let session = Session { tenant_id: tenant, ..session };
    opening::tell_alive(app, &session).await?;
    Ok(session)
}

/// 403 for who is no member, has shown less than the tenant demands, or was signed out of it since. Whoever removes them
/// waits.
async fn admit(tx: &mut TenantTx, session: &Session) -> Result<(), Problem> {
    let member = store::lock_member(tx, session.user_id).await?.ok_or_else(not_a_member)?;
    if member.sessions_since.is_some_and(|since| session.authenticated_at() <= since) {
        return Err(step_up_required("The tenant has ended your sessions since you signed in."));
    }
    if acr(&session.methods()) == ONE_FACTOR && policy::demands_second_factor(tx).await? {
        return Err(step_up_required("The tenant demands a second factor, and this session has shown none."));
    }
    Ok(())
}

fn step_up_required(why: &str) -> Problem {
    Problem::forbidden("step_up_required", format!("{why} Step it up, and ask again."))
}
