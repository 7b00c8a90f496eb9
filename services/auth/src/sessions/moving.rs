//! A session that goes on in another tenant of its person, by a refresh that names it.
//!
//! It stays one session: its refresh tokens are one chain, it ends when it would have ended, and whatever ends it ends
//! it there. In the tenant that it leaves none of its tokens is taken any more.

use super::{
    ending,
    model::{Alive, Session},
    moving_store as store,
    opening::{self, Holder, refresh_invalid},
};
use crate::{
    accounts::refusals::not_a_member,
    app::App,
    factors::authentication::{ONE_FACTOR, acr},
    members::store as members,
    opaque::OpaqueToken,
    policy::store as policy,
};
use common::{db::TenantTx, problem::Problem};
use contracts::id::{TenantId, UserId};

/// As [`opening::renew`], in `tenant`. Who may not act there keeps their refresh token: it is used up only for who may.
pub async fn renew_in(app: &App, shown: &OpaqueToken, tenant: TenantId) -> Result<Alive, Problem> {
    let mut lookup = app.db.begin_lookup().await?;
    let (user, methods) = store::holder(&mut lookup, shown).await?.ok_or_else(refresh_invalid)?;
    admit(&mut lookup.enter(tenant).await?, user, &methods).await?;
    let Alive { session, refresh_token } = opening::renew(app, shown, Holder::Frontend).await?;
    // From here on whoever gets no answer asks once more, and gets the same refresh token.
    Ok(Alive { session: go(app, session, tenant).await?, refresh_token })
}

async fn go(app: &App, session: Session, tenant: TenantId) -> Result<Session, Problem> {
    if session.tenant_id == tenant {
        return Ok(session);
    }
    let mut tx = ending::begin(app).await?;
    admit(tx.narrow(tenant).await?, session.user_id, &session.methods()).await?;
    tx.widen().await?;
    let left = store::lock(&mut tx, session.id).await?.ok_or_else(opening::session_ended)?;
    store::act_in(&mut tx, session.id, tenant).await?;
    // While the row is locked nobody tells Redis otherwise.
    let session = Session { tenant_id: tenant, ..session };
    if left != tenant {
        app.live_sessions.close(left, session.id).await?;
    }
    opening::tell_alive(app, &session).await?;
    tx.commit().await?;
    Ok(session)
}

/// 403 for who is no member, or has shown less than the tenant demands. Whoever removes them waits.
async fn admit(tx: &mut TenantTx, user: UserId, methods: &[String]) -> Result<(), Problem> {
    if !members::lock_member(tx, user).await? {
        return Err(not_a_member());
    }
    if acr(methods) == ONE_FACTOR && policy::demands_second_factor(tx).await? {
        let detail = "The tenant demands a second factor, and this session has shown none. Step it up, and ask again.";
        return Err(Problem::forbidden("step_up_required", detail));
    }
    Ok(())
}
