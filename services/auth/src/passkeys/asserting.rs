//! The signature of a passkey: is it one of this person's, over what was asked?

use super::{
    ceremony::Ceremony,
    challenges,
    options::Verification,
    store,
    verification::{Assertion, AssertionCredential},
};
use crate::{app::App, factors::authentication::Evidence, opaque::OpaqueToken};
use contracts::id::UserId;
use sqlx::PgConnection;

/// What the authenticator was asked to sign.
#[derive(Clone, Copy)]
pub enum Asked<'a> {
    /// The challenge of a log-in by the password, which its caller uses up.
    LogIn(&'a OpaqueToken),
    Ceremony(Ceremony),
}

/// What the signature is worth; `None` if it is not the person's. The user must be locked.
pub async fn assert(
    conn: &mut PgConnection,
    app: &App,
    user: UserId,
    credential: &AssertionCredential,
    asked: Asked<'_>,
    verification: Verification,
) -> sqlx::Result<Option<Evidence>> {
    let assertion = match credential.verify(&app.relying_party) {
        Ok(assertion) => assertion,
        Err(fault) => {
            tracing::info!(%user, error = %fault, "An answer of a passkey is not taken");
            return Ok(None);
        }
    };
    if !answers(conn, app, &assertion, asked).await? || !may_be_of(&assertion, user, verification) {
        return Ok(None);
    }
    let Some(key) = store::lock_key(conn, user, &assertion.credential_id).await? else { return Ok(None) };
    if !assertion.is_of(&key.public_key) {
        return Ok(None);
    }
    if assertion.is_of_a_copy(key.sign_count) {
        tracing::warn!(%user, passkey = %key.id, "A passkey has signed fewer times than before: there may be a copy");
        return Ok(None);
    }
    store::used(conn, user, key.id, assertion.data.sign_count, app.ambient.now()).await?;
    Ok(Some(Evidence::Passkey { synced: key.synced, verified: assertion.data.verified }))
}

async fn answers(conn: &mut PgConnection, app: &App, assertion: &Assertion, asked: Asked<'_>) -> sqlx::Result<bool> {
    match asked {
        Asked::LogIn(challenge) => Ok(assertion.challenge.matches(&challenge.hash())),
        Asked::Ceremony(ceremony) => challenges::take(conn, app, ceremony, &assertion.challenge).await,
    }
}

fn may_be_of(assertion: &Assertion, user: UserId, verification: Verification) -> bool {
    match assertion.user_handle.as_deref() {
        Some(handle) if handle != user.0.as_bytes() => false,
        Some(_) if assertion.data.verified => true,
        // Where nobody was named before, the key names its owner (§7.2, step 6).
        _ => verification == Verification::Preferred,
    }
}
