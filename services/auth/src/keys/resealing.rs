//! Resealing: what lies in the database under a previous key encryption key is put under the newest one.
//!
//! Some rows at a time, and each only if it is still as it was read: it may be interrupted, repeated, and done by
//! several.

use super::{
    entries,
    rotation::{KeyError, Rotation},
    store,
};
use crate::factors::sealed_store as totp;
use common::{db::TenantlessTx, poller::Poller, sealing::Unopened};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The first pass only counts: until the next, processes that do not know the newest key yet may still begin, in the
/// middle of a deployment.
const PAUSE: Duration = Duration::from_secs(600);

/// Secrets of authenticator apps that are read at a time.
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
    Ok(outcome)
}

async fn signing_keys(rotation: &Rotation, write: bool, outcome: &mut Outcome) -> Result<(), KeyError> {
    let (mut tx, mut replaced) = (rotation.db.begin_tenantless().await?, 0);
    // A key that signs no more has no private part left.
    for key in store::all(&mut tx).await?.iter().filter(|key| !key.sealed_private_key.is_empty()) {
        let resealed = rotation.sealer.reseal(&rotation.ambient, key.kid.as_bytes(), &key.sealed_private_key);
        if let Some(resealed) = outcome.count(resealed).filter(|_| write) {
            replaced += u64::from(store::replace_sealed(&mut tx, key, &resealed).await?);
        }
    }
    Ok(finish(tx, "signing_keys", replaced).await?)
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
        let resealed = rotation.sealer.reseal(&rotation.ambient, secret.user_id.as_bytes(), &secret.sealed_secret);
        if let Some(resealed) = outcome.count(resealed).filter(|_| write) {
            replaced += u64::from(totp::replace(&mut tx, secret, &resealed).await?);
        }
    }
    finish(tx, "totp_factors", replaced).await?;
    Ok(secrets.last().map(|last| last.user_id))
}

/// One entry in the audit for all rows of the transaction.
async fn finish(mut tx: TenantlessTx, what: &str, replaced: u64) -> sqlx::Result<()> {
    if replaced > 0 {
        audit::note_of_platform(&mut tx, entries::resealed(what, replaced));
    }
    tx.commit().await
}

impl Outcome {
    /// What is to be written, if anything is.
    fn count(&mut self, resealed: Result<Option<Vec<u8>>, Unopened>) -> Option<Vec<u8>> {
        let counted = match &resealed {
            Ok(None) => &mut self.under_newest,
            Ok(Some(_)) => &mut self.resealed,
            Err(Unopened) => &mut self.unopened,
        };
        *counted += 1;
        resealed.ok().flatten()
    }
}
