//! Secrets of a client: made, revoked, and exchanged for tokens.
//!
//! The `sid` of a token is the id of the secret that got it, so that revoking one secret ends its tokens and no others;
//! deleting the client revokes all of them. As with sessions, Redis is told that a secret lives while its row is
//! locked, and that it does not after the commit.

use super::{
    endings, entries,
    registration::AuthMethod,
    store::{self, LiveSecret},
};
use crate::{
    app::App,
    authority::SpeaksFor,
    issuer::{AccessToken, MACHINE_TOKEN},
    oauth::store::OAuthClient,
    opaque::OpaqueToken,
    sessions::model::key_lifetime,
};
use chrono::{DateTime, TimeDelta, Utc};
use common::{db::TenantTx, problem::Problem};
use contracts::{
    id::{ClientId, SessionId},
    messages::ClientDeleted,
};
use serde::Serialize;
use utoipa::ToSchema;

/// One that is in use and one that replaces it.
pub const MOST_SECRETS: usize = 2;

/// A secret just made.
#[derive(Serialize, ToSchema)]
pub struct NewSecret {
    pub id: SessionId,
    created_at: DateTime<Utc>,
    /// Shown here only.
    #[schema(format = Password)]
    secret: String,
}

/// Makes a secret of a client whose row is locked, or new. Whoever has it acts as the client.
pub async fn add(tx: &mut TenantTx, app: &App, client: SpeaksFor<ClientId>) -> Result<NewSecret, Problem> {
    let (id, created_at, text) = (SessionId(app.ambient.uuid()), app.ambient.now(), OpaqueToken::new(&app.ambient));
    store::insert_secret(tx, client, &LiveSecret { id, created_at }, &text).await?;
    audit::note(tx, entries::secret_made(client.whom(), id));
    Ok(NewSecret { id, created_at, secret: text.expose().to_owned() })
}

/// Revokes one secret, or the client with all of them, and answers only when no token of theirs is taken any more.
pub async fn revoke(app: &App, mut tx: TenantTx, client: ClientId, secret: Option<SessionId>) -> Result<(), Problem> {
    let (tenant, now) = (tx.tenant(), app.ambient.now());
    let since = now - TimeDelta::from_std(key_lifetime(MACHINE_TOKEN)).unwrap_or_default();
    // What was over before is over; only what ends now is a change.
    let lived = match secret {
        Some(secret) => store::lock_secrets(&mut tx, client).await?.iter().any(|live| live.id == secret),
        None => store::lock(&mut tx, client).await?,
    };
    let found = match secret {
        Some(secret) => store::has_secret(&mut tx, client, secret).await?,
        None => store::delete(&mut tx, client, now).await?,
    };
    if !found {
        return Err(if secret.is_some() { no_such_secret() } else { no_such_client() });
    }
    let revoked = store::revoke(&mut tx, client, secret, (since, now)).await?;
    if lived {
        audit::note(&mut tx, entries::ended(client, secret));
    }
    if secret.is_none() {
        messaging::publish(&mut tx, &ClientDeleted { tenant_id: tenant, client_id: client }).await?;
    }
    tx.commit().await?;
    app.live_sessions.close_all(tenant, &revoked).await?;
    if secret.is_none() {
        app.live_sessions.close(tenant, SessionId(client.0)).await?;
        endings::end_all(app, client).await?;
    }
    Ok(())
}

/// Which of the client's secrets this is; `None` if it is none.
pub async fn known(app: &App, client: &OAuthClient, shown: &OpaqueToken) -> Result<Option<SessionId>, Problem> {
    let mut tx = app.db.begin_lookup().await?.enter(client.tenant_id).await?;
    let candidates = store::lock_secrets(&mut tx, client.id).await?;
    Ok(candidates.iter().rfind(|candidate| shown.matches(&candidate.secret_hash)).map(|secret| secret.id))
}

/// A token for a client that has shown this credential: a secret, or a key of its own (then it is the client's id).
/// `None` if that has ended meanwhile.
pub async fn token(app: &App, client: &OAuthClient, credential: SessionId) -> Result<Option<AccessToken>, Problem> {
    let mut tx = app.db.begin_lookup().await?.enter(client.tenant_id).await?;
    let alive = match client.method {
        AuthMethod::PrivateKeyJwt => store::lock(&mut tx, client.id).await?,
        _ => store::lock_secrets(&mut tx, client.id).await?.iter().any(|secret| secret.id == credential),
    };
    if !alive {
        return Ok(None);
    }
    let token = app.issuer.for_machine(client.tenant_id, client.id, credential).await?;
    app.live_sessions.open(client.tenant_id, credential, key_lifetime(MACHINE_TOKEN)).await?;
    tx.commit().await?;
    Ok(Some(token))
}

pub fn no_such_client() -> Problem {
    Problem::not_found("client_not_found", "The tenant has no such client.")
}

fn no_such_secret() -> Problem {
    Problem::not_found("secret_not_found", "The client has no such secret.")
}
