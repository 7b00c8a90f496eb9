//! Log-ins that wait for a second factor: the password was right, and the challenge is what their holder goes on with.
//!
//! A challenge is opaque, kept as a hash, of one user in one tenant, and works once. Each comes of a right password,
//! whose hash bounds how many there are.

use super::challenges_store as store;
pub use super::challenges_store::Waiting;
use crate::{
    accounts::refusals::not_a_member,
    accounts::store::{self as accounts, Tenant, User},
    app::App,
    opaque::OpaqueToken,
};
use chrono::TimeDelta;
use common::{
    db::{CrossTenantTx, TenantScope, TenantTx},
    problem::Problem,
};
use contracts::id::UserId;

/// Long enough to find the telephone.
pub const LIFETIME: TimeDelta = TimeDelta::minutes(5);

/// Whose log-in a challenge is.
pub struct Found {
    pub waiting: Waiting,
    /// With the password that was right.
    pub user: User,
    pub tenant: Tenant,
    pub scope: TenantScope,
}

pub async fn make(tx: &mut TenantTx, app: &App, user: &User) -> sqlx::Result<OpaqueToken> {
    let token = OpaqueToken::new(&app.ambient);
    let (id, now) = (app.ambient.uuid(), app.ambient.now());
    store::insert(tx, id, user, &token, now, now + LIFETIME).await?;
    Ok(token)
}

/// 410 for a challenge that is over or never was one.
pub async fn find(app: &App, token: &OpaqueToken) -> Result<Found, Problem> {
    let mut lookup = app.db.begin_lookup().await?;
    let waiting = store::find(&mut lookup, token, app.ambient.now()).await?.ok_or_else(over)?;
    let user = accounts::find_user(&mut lookup, waiting.user_id).await?.ok_or_else(over)?;
    let tenant = accounts::choose_tenant(&mut lookup, user.id, Some(waiting.tenant_id)).await?;
    let tenant = tenant.ok_or_else(not_a_member)?;
    let user = User { password_version: waiting.password_version, ..user };
    Ok(Found { waiting, user, scope: lookup.found(tenant.id), tenant })
}

/// Whoever else has the challenge waits. The user must be locked.
pub async fn lock(tx: &mut TenantTx, waiting: &Waiting) -> Result<(), Problem> {
    if store::lock(tx, waiting.id).await? { Ok(()) } else { Err(over()) }
}

pub async fn count_wrong(tx: &mut TenantTx, waiting: &Waiting) -> sqlx::Result<()> {
    store::count_wrong(tx, waiting.id).await
}

pub async fn use_up(tx: &mut TenantTx, waiting: &Waiting) -> sqlx::Result<()> {
    store::delete(tx, waiting.id).await
}

/// Ends every log-in of the user that waits, in whichever tenant.
pub async fn end_all(tx: &mut CrossTenantTx, user: UserId) -> sqlx::Result<()> {
    store::delete_all(tx, user).await
}

pub fn over() -> Problem {
    Problem::gone("login_challenge_over", "The log-in took too long, or had too many wrong codes. Log in again.")
}
