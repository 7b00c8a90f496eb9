//! Resealing: what lies in the database under a previous key encryption key is put under the newest one.
//!
//! Each row for itself, and only if it is still as it was read: it may be interrupted, repeated, and done by several.

use super::{
    rotation::{KeyError, Rotation},
    store,
};
use crate::{factors::sealed_store as totp, identity_providers::sealed_store as identity_providers};
use common::{db::CrossTenantTx, poller::Poller, sealing::Unopened};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The first pass only counts: until the next, processes that do not know the newest key yet may still begin, in the
/// middle of a deployment.
const PAUSE: Duration = Duration::from_secs(600);

/// Sealed secrets that are read at a time.
const BATCH: i64 = 500;

/// How many sealed rows there were.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub under_newest: u64,
    /// Under a previous key, until now.
    pub resealed: u64,
    /// Under none of the keys.
    pub unopened: u64,
}

/// Counts what is not under the newest key, later reseals it, and tells how many rows are left, until `shutdown`.
pub(crate) async fn run(rotation: Rotation, shutdown: CancellationToken) {
    let left = metrics::gauge!("rows_under_previous_keys");
    left.set(0.0);
    if !rotation.sealer.has_previous() {
        return;
    }
    let mut poller = Poller::every(PAUSE, shutdown);
    let mut counted = false;
    while poller.next().await {
        let pass = if counted { reseal(&rotation).await } else { look(&rotation).await };
        if let Ok(outcome) = &pass {
            let waiting = if counted { 0 } else { outcome.resealed };
            left.set((waiting + outcome.unopened) as f64);
            counted = true;
        }
        poller.report(pass.map(|_| false), "What is sealed under a previous key waits for the database");
    }
}

/// What [`reseal`] would do.
pub async fn look(rotation: &Rotation) -> Result<Outcome, KeyError> {
    pass(rotation, false).await
}

/// Reseals everything that is not under the newest key.
pub async fn reseal(rotation: &Rotation) -> Result<Outcome, KeyError> {
    let outcome = pass(rotation, true).await?;
    let Outcome { resealed, unopened, .. } = outcome;
    if unopened > 0 {
        tracing::error!(unopened, "Rows do not open under any key encryption key");
    } else {
        tracing::info!(resealed, "Nothing in the database needs a previous key encryption key any more");
    }
    Ok(outcome)
}

async fn pass(rotation: &Rotation, write: bool) -> Result<Outcome, KeyError> {
    let mut outcome = Outcome::default();
    // A key that signs no more has no private part left.
    for key in rotation.read().await?.iter().filter(|key| !key.sealed_private_key.is_empty()) {
        if let Some(resealed) = outcome.count(rotation, key.kid.as_bytes(), &key.sealed_private_key).filter(|_| write) {
            store::replace_sealed(&mut *rotation.db.pool().acquire().await?, key, &resealed).await?;
        }
    }
    factors(rotation, write, &mut outcome).await?;
    providers(rotation, write, &mut outcome).await?;
    Ok(outcome)
}

/// Secrets of authenticator apps.
async fn factors(rotation: &Rotation, write: bool, outcome: &mut Outcome) -> sqlx::Result<()> {
    let mut after = Uuid::nil();
    loop {
        let mut conn = rotation.db.pool().acquire().await?;
        let secrets = totp::after(&mut conn, after, BATCH).await?;
        let Some(last) = secrets.last() else { return Ok(()) };
        after = last.user_id;
        for secret in &secrets {
            let resealed = outcome.count(rotation, secret.user_id.as_bytes(), &secret.sealed_secret);
            if let Some(resealed) = resealed.filter(|_| write) {
                totp::replace(&mut conn, secret, &resealed).await?;
            }
        }
    }
}

/// Secrets that identity providers have given tenants.
async fn providers(rotation: &Rotation, write: bool, outcome: &mut Outcome) -> sqlx::Result<()> {
    let mut after = Uuid::nil();
    loop {
        let mut tx = of_all_tenants(rotation).await?;
        let secrets = identity_providers::after(&mut tx, after, BATCH).await?;
        let Some(last) = secrets.last() else { return Ok(()) };
        after = last.id;
        for secret in &secrets {
            let context = identity_providers::context(secret.id);
            let resealed = outcome.count(rotation, &context, &secret.sealed_client_secret);
            if let Some(resealed) = resealed.filter(|_| write) {
                identity_providers::replace(&mut tx, secret, &resealed).await?;
            }
        }
        tx.commit().await?;
    }
}

#[expect(clippy::disallowed_methods, reason = "all tenants' secrets are sealed under the same key")]
async fn of_all_tenants(rotation: &Rotation) -> sqlx::Result<CrossTenantTx> {
    rotation.db.begin_across_tenants().await
}

impl Outcome {
    /// Counts a row; gives what it is to be replaced with.
    fn count(&mut self, rotation: &Rotation, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let resealed = rotation.sealer.reseal(&rotation.ambient, context, sealed);
        match &resealed {
            Ok(None) => self.under_newest += 1,
            Ok(Some(_)) => self.resealed += 1,
            Err(Unopened) => self.unopened += 1,
        }
        resealed.ok().flatten()
    }
}
