//! Resealing: what lies in the database under a previous key encryption key is put under the newest one.
//!
//! Some rows at a time, and each only if it is still as it was read: it may be interrupted, repeated, and done by
//! several.

use super::{
    entries,
    rotation::{KeyError, Rotation},
    store,
};
use crate::{factors::sealed_store as totp, identity_providers::sealed_store as identity_providers};
use common::{
    db::{CrossTenantTx, Scoped},
    poller::Poller,
    sealing::Unopened,
};
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
    signing_keys(rotation, write, &mut outcome).await?;
    let mut after = Uuid::nil();
    while let Some(last) = factors(rotation, write, after, &mut outcome).await? {
        after = last;
    }
    let mut after = Uuid::nil();
    while let Some(last) = providers(rotation, write, after, &mut outcome).await? {
        after = last;
    }
    Ok(outcome)
}

async fn signing_keys(rotation: &Rotation, write: bool, outcome: &mut Outcome) -> Result<(), KeyError> {
    let (mut tx, mut replaced) = (rotation.db.begin_tenantless().await?, 0);
    // A key that signs no more has no private part left.
    for key in store::all(&mut tx).await?.iter().filter(|key| !key.sealed_private_key.is_empty()) {
        let resealed = outcome.count(rotation, key.kid.as_bytes(), &key.sealed_private_key);
        if let Some(resealed) = resealed.filter(|_| write) {
            replaced += u64::from(store::replace_sealed(&mut tx, key, &resealed).await?);
        }
    }
    note(&mut tx, "signing_keys", replaced);
    Ok(tx.commit().await?)
}

/// Reseals some secrets of authenticator apps; gives the last user, if there was one.
async fn factors(
    rotation: &Rotation,
    write: bool,
    after: Uuid,
    outcome: &mut Outcome,
) -> Result<Option<Uuid>, KeyError> {
    let (mut tx, mut replaced) = (rotation.db.begin_tenantless().await?, 0);
    let secrets = totp::after(&mut tx, after, BATCH).await?;
    for secret in &secrets {
        let resealed = outcome.count(rotation, secret.user_id.as_bytes(), &secret.sealed_secret);
        if let Some(resealed) = resealed.filter(|_| write) {
            replaced += u64::from(totp::replace(&mut tx, secret, &resealed).await?);
        }
    }
    note(&mut tx, "totp_factors", replaced);
    tx.commit().await?;
    Ok(secrets.last().map(|last| last.user_id))
}

/// Reseals some secrets that identity providers have given tenants; gives the last provider, if there was one.
async fn providers(
    rotation: &Rotation,
    write: bool,
    after: Uuid,
    outcome: &mut Outcome,
) -> Result<Option<Uuid>, KeyError> {
    let (mut tx, mut replaced) = (of_all_tenants(rotation).await?, 0);
    let secrets = identity_providers::after(&mut tx, after, BATCH).await?;
    for secret in &secrets {
        let context = identity_providers::context(secret.id);
        let resealed = outcome.count(rotation, &context, &secret.sealed_client_secret);
        if let Some(resealed) = resealed.filter(|_| write) {
            replaced += u64::from(identity_providers::replace(&mut tx, secret, &resealed).await?);
        }
    }
    note(&mut tx, "identity_providers", replaced);
    tx.commit().await?;
    Ok(secrets.last().map(|last| last.id))
}

#[expect(clippy::disallowed_methods, reason = "all tenants' secrets are sealed under the same key")]
async fn of_all_tenants(rotation: &Rotation) -> sqlx::Result<CrossTenantTx> {
    rotation.db.begin_across_tenants().await
}

/// One entry in the audit for all rows of the transaction.
fn note(tx: &mut impl Scoped, what: &str, replaced: u64) {
    if replaced > 0 {
        audit::note_of_platform(tx, entries::resealed(what, replaced));
    }
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
