//! Beginning, renewal and end of a session, in the database and in Redis alike.
//!
//! Redis is told that a session is alive while its row is locked, and that it has ended after the commit: a refresh
//! that overlaps with a log-out can therefore not bring the session back.

use super::{
    compromise, ending, ending_store, entries,
    model::{ABSOLUTE, Alive, EndReason, Link, Over, Session, Turn, decide, key_lifetime},
    store,
};
use crate::{
    accounts::refusals::{credentials_wrong, not_a_member},
    accounts::store::{self as accounts, User},
    app::App,
    factors::authentication::{ONE_FACTOR, acr},
    members::store as members,
    oauth::scope::Scopes,
    opaque::OpaqueToken,
    policy::store as policy,
};
use common::{
    db::{TenantScope, TenantTx},
    problem::Problem,
};
use contracts::{
    id::{ClientId, SessionId, UserId},
    messages::CompromiseReason,
};

/// For a session that goes to another tenant each time that we look for it, nobody looks for ever.
const MOST_LOOKS: usize = 5;

/// A transaction in which `user` may begin a session in `tenant`: whoever changes their password, their factors or
/// their membership waits for it. 403 for somebody who is no member, and 401 for whoever was let in by a password that
/// is not theirs any more.
pub async fn admit(user: &User, tenant: &TenantScope) -> Result<TenantTx, Problem> {
    let mut tx = tenant.begin().await?;
    admit_into(&mut tx, user).await?;
    Ok(tx)
}

/// As [`admit`], into a transaction that has begun.
pub async fn admit_into(tx: &mut TenantTx, user: &User) -> Result<(), Problem> {
    // Whoever removes them waits for us, and finds the session.
    if !members::lock_member(tx, user.id).await? {
        return Err(not_a_member());
    }
    // Whoever changes the password waits for us, too.
    if !accounts::keep_password(tx, user).await? {
        return Err(credentials_wrong());
    }
    Ok(())
}

/// Begins a session of a user who was admitted, by these authentication methods. Commit next.
pub async fn open(tx: &mut TenantTx, app: &App, user: UserId, amr: Vec<String>) -> Result<Alive, Problem> {
    let (id, now) = (SessionId(app.ambient.uuid()), app.ambient.now());
    let refresh_token = OpaqueToken::new(&app.ambient);
    let session = Session {
        id,
        user_id: user,
        tenant_id: tx.tenant(),
        created_at: now,
        last_used_at: now,
        expires_at: now + ABSOLUTE,
        ended_at: None,
        end_reason: None,
        amr: Some(amr),
        authenticated_at: Some(now),
        grant: None,
    };
    insert(tx, app, &session, &refresh_token).await?;
    Ok(Alive { session, refresh_token })
}

/// Begins a session that is described already, of a user who was admitted.
pub async fn insert(
    tx: &mut TenantTx,
    app: &App,
    session: &Session,
    refresh_token: &OpaqueToken,
) -> Result<(), Problem> {
    store::insert(tx, session).await?;
    audit::note(tx, entries::opened(session));
    store::insert_token(tx, app.ambient.uuid(), session.id, refresh_token, session.last_used_at).await?;
    tell_alive(app, session).await
}

/// Who shows a refresh token.
#[derive(Clone, Copy)]
pub enum Holder<'a> {
    /// The person's own frontend.
    Frontend,
    /// An app, which may want less than it was allowed.
    App { client: ClientId, wanted: Option<&'a Scopes> },
}

impl Holder<'_> {
    /// 401 for somebody else's session, 403 for what was not allowed in it.
    pub(super) fn may_renew(self, session: &Session) -> Result<(), Problem> {
        match (self, &session.grant) {
            (Self::Frontend, None) => Ok(()),
            (Self::App { client, wanted }, Some(grant)) if grant.client_id == client => {
                let allowed = wanted.is_none_or(|wanted| grant.scopes.contains_all(wanted));
                if allowed { Ok(()) } else { Err(Problem::forbidden("insufficient_scope", "That was not allowed.")) }
            }
            _ => Err(refresh_invalid()),
        }
    }
}

/// Exchanges a refresh token for the next one of its session.
pub async fn renew(app: &App, shown: &OpaqueToken, holder: Holder<'_>) -> Result<Alive, Problem> {
    let (mut tx, session) = lock(app, shown).await?.ok_or_else(refresh_invalid)?;
    holder.may_renew(&session)?;
    let over = match next_token(&mut tx, app, &session, shown).await? {
        Ok(refresh_token) => {
            refuse_too_weak(&mut tx, &session).await?;
            tell_alive(app, &session).await?;
            tx.commit().await?;
            return Ok(Alive { session, refresh_token });
        }
        Err(over) => over,
    };
    if over == Over::Reused {
        compromise::end(app, tx, session.id, CompromiseReason::RefreshReused).await?;
        return Err(refresh_reused());
    }
    // Redis may have been away when the session ended.
    app.live_sessions.close(session.tenant_id, session.id).await?;
    Err(if over == Over::EndedByReuse { refresh_reused() } else { session_ended() })
}

/// The refresh token that comes after `shown`, of a session that is locked; or why there is none.
pub(super) async fn next_token(
    tx: &mut TenantTx,
    app: &App,
    session: &Session,
    shown: &OpaqueToken,
) -> Result<Result<OpaqueToken, Over>, Problem> {
    let link = store::link(tx, shown).await?;
    match decide(app.ambient.now(), session, &link) {
        Ok(Turn::Rotate) => rotate(tx, app, session, &link, shown).await.map(Ok),
        Ok(Turn::Repeat) => repeat(&link, shown).map(Ok),
        Err(over) => Ok(Err(over)),
    }
}

/// The session of a refresh token, locked, and a transaction of the tenant that it acts in.
async fn lock(app: &App, shown: &OpaqueToken) -> Result<Option<(TenantTx, Session)>, Problem> {
    // Between the two looks it may have gone on in another tenant.
    for _ in 0..MOST_LOOKS {
        let mut lookup = app.db.begin_lookup().await?;
        let Some(tenant) = store::tenant_of_token(&mut lookup, shown).await? else { return Ok(None) };
        let mut tx = lookup.enter(tenant).await?;
        if let Some(session) = store::lock_by_token(&mut tx, shown).await? {
            return Ok(Some((tx, session)));
        }
    }
    Ok(None)
}

/// The session of a refresh token, and whether the token still renews it.
pub async fn of_token(app: &App, shown: &OpaqueToken) -> Result<Option<(Session, bool)>, Problem> {
    let Some((mut tx, session)) = lock(app, shown).await? else { return Ok(None) };
    let link = store::link(&mut tx, shown).await?;
    let renews = decide(app.ambient.now(), &session, &link).is_ok();
    Ok(Some((session, renews)))
}

/// What becomes of what a person has allowed an app when its session ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// The app has ended the session itself.
    Kept,
    /// The person has, and the app has to ask again.
    Withdrawn,
}

/// Ends a session of `user`, and answers only when no token of it is taken any more. 404 if the user has no such
/// session.
pub async fn end(app: &App, user: UserId, session: SessionId, withdraw: Consent) -> Result<(), Problem> {
    let mut tx = ending::begin(app).await?;
    let (tenant, lived) = ending_store::end_one(&mut tx, user, session, app.ambient.now())
        .await?
        .ok_or_else(|| Problem::not_found("session_not_found", "You have no such session."))?;
    if lived {
        audit::note_for(&mut tx, tenant, entries::ended(user, session, EndReason::LoggedOut));
    }
    if withdraw == Consent::Withdrawn
        && let Some(client) = store::withdraw_consent(tx.narrow(tenant).await?, session).await?
    {
        audit::note_for(&mut tx, tenant, entries::consent_withdrawn(user, client));
    }
    tx.commit().await?;
    Ok(app.live_sessions.close(tenant, session).await?)
}

/// What a tenant demands of log-ins holds for sessions that began before, from their next refresh on.
async fn refuse_too_weak(tx: &mut TenantTx, session: &Session) -> Result<(), Problem> {
    let weak = acr(&session.methods()) == ONE_FACTOR;
    if weak && policy::demands_second_factor(tx).await? { Err(second_factor_required()) } else { Ok(()) }
}

async fn rotate(
    tx: &mut TenantTx,
    app: &App,
    session: &Session,
    link: &Link,
    shown: &OpaqueToken,
) -> Result<OpaqueToken, Problem> {
    let now = app.ambient.now();
    let (child_id, child) = (app.ambient.uuid(), shown.next(&app.ambient));
    let sealed = shown.sealer().seal(&app.ambient, link.id.as_bytes(), child.expose().as_bytes());
    store::insert_token(tx, child_id, session.id, &child, now).await?;
    store::use_up(tx, link.id, child_id, &sealed, now).await?;
    store::touch(tx, session.id, now).await?;
    Ok(child)
}

/// The child that the first caller got: were there two, nobody could tell a second tab from a thief.
fn repeat(link: &Link, shown: &OpaqueToken) -> Result<OpaqueToken, Problem> {
    let sealed = link.sealed_child.as_deref().unwrap_or_default();
    let child = shown.sealer().open(link.id.as_bytes(), sealed).map_err(|error| Problem::internal(&error))?;
    String::from_utf8(child).map(|text| shown.with_text(text)).map_err(|error| Problem::internal(&error))
}

pub(super) async fn tell_alive(app: &App, session: &Session) -> Result<(), Problem> {
    Ok(app.live_sessions.open(session.tenant_id, session.id, key_lifetime(app.access_token)).await?)
}

pub fn refresh_invalid() -> Problem {
    Problem::unauthorized("refresh_invalid", "There is no such refresh token. Log in again.")
}

fn second_factor_required() -> Problem {
    let detail = "The tenant demands a second factor, and this session has shown none. Log in again.";
    Problem::unauthorized("second_factor_required", detail)
}

fn refresh_reused() -> Problem {
    Problem::unauthorized(
        "refresh_reused",
        "The refresh token was used before, so its session has ended. Log in again.",
    )
}

fn session_ended() -> Problem {
    Problem::unauthorized("session_ended", "The session has ended. Log in again.")
}
