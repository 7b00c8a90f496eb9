//! Who gets in by a provider's word: a member of its tenant, and nobody else. It makes no account, gives nobody an
//! address, and accepts no invitation.

use super::{
    attempt::Attempt,
    entries,
    id_token::SignedIn,
    identity_store, refusals,
    store::{self, Provider},
};
use crate::{
    accounts::{
        refusals::not_a_member,
        store::{self as accounts, User},
    },
    app::App,
    factors::authentication::by_provider,
    opaque::OpaqueToken,
    policy::store as policy,
    sessions::{
        model::{Alive, Session},
        opening,
    },
};
use chrono::TimeDelta;
use common::{db::TenantTx, problem::Problem};
use contracts::id::SessionId;

/// A working day, and some: who leaves the company is not told to us, so the provider is asked again.
const LIFETIME: TimeDelta = TimeDelta::hours(12);

/// Begins the session of the attempt, of which there is one.
pub async fn admit(
    app: &App,
    mut tx: TenantTx,
    provider: &Provider,
    attempt: &Attempt,
    found: &SignedIn,
) -> Result<Alive, Problem> {
    let id = SessionId(attempt.session);
    let kept = store::keep(&mut tx, provider.id, attempt.revision).await?;
    if !kept || identity_store::is_begun_locked(&mut tx, id).await? {
        return Err(refusals::over());
    }
    let user = member(app, &mut tx, provider, found).await?;
    opening::admit_into(&mut tx, &user).await?;
    if !found.two_factors && policy::demands_second_factor(&mut tx).await? {
        return Err(refusals::one_factor());
    }
    let (now, refresh_token) = (app.ambient.now(), OpaqueToken::new(&app.ambient));
    let session = Session {
        id,
        user_id: user.id,
        tenant_id: tx.tenant(),
        created_at: now,
        last_used_at: now,
        expires_at: now + LIFETIME,
        ended_at: None,
        end_reason: None,
        amr: Some(by_provider(found.two_factors)),
        authenticated_at: Some(found.authenticated_at.unwrap_or(now)),
        grant: None,
    };
    opening::insert(&mut tx, app, &session, &refresh_token).await?;
    identity_store::mark(&mut tx, id, provider.id).await?;
    tx.commit().await?;
    Ok(Alive { session, refresh_token })
}

/// The member whom the provider means: by its own name for them if it has vouched for them before, else by an address
/// that it has verified. Both times they must be a member now.
async fn member(app: &App, tx: &mut TenantTx, provider: &Provider, found: &SignedIn) -> Result<User, Problem> {
    if let Some(known) = identity_store::find(tx, provider.id, &found.subject).await? {
        return accounts::find_user(tx, known).await?.ok_or_else(not_a_member);
    }
    let email = found.address.verified().ok_or_else(refusals::address_unverified)?;
    // The same answer whether or not somebody has an account elsewhere.
    let user = accounts::find_user_by_email(tx, &email).await?.ok_or_else(not_a_member)?;
    accounts::tenant_of_member(tx, user.id).await?.ok_or_else(not_a_member)?;
    if !identity_store::link(tx, provider.id, &found.subject, user.id, app.ambient.now()).await? {
        return Err(refusals::known_otherwise());
    }
    audit::note(tx, entries::linked(provider.id, user.id));
    Ok(user)
}
