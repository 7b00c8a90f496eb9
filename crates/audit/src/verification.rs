//! Verification of a chain: every hash is computed again, a bounded piece at a time.

use crate::{
    model::{Broken, Fault},
    store::{self, Break, End},
};
use common::db::{CrossTenantTx, TenantTx};
use contracts::id::TenantId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Entries that a request verifies.
pub const VERIFIED_AT_ONCE: i64 = 10_000;
/// Entries that a statement verifies.
const PIECE: i64 = 1_000;

/// From where a chain is verified.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct VerificationQuery {
    /// The entry behind which to begin: `verified_through` of the answer before.
    #[serde(default)]
    #[param(value_type = Option<i64>, minimum = 0)]
    pub after: u32,
}

/// Whether the chain of hashes is whole, as far as it was verified.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Verdict {
    /// No entry that was verified is missing, was changed, or follows another than the one before.
    pub whole: bool,
    /// Entries that there must be.
    pub version: i64,
    /// The last entry that was verified. If there are more, ask again `after` it.
    pub verified_through: i64,
    /// The first entry that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken_at: Option<i64>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

/// A piece of a chain that was verified.
pub struct Verified {
    pub end: End,
    pub through: i64,
    pub broken: Option<Broken>,
}

impl Verified {
    /// Whether there is nothing left to verify.
    pub fn is_all(&self) -> bool {
        self.broken.is_some() || self.through >= self.end.version
    }
}

impl From<Verified> for Verdict {
    fn from(Verified { end, through, broken }: Verified) -> Self {
        Self {
            whole: broken.is_none(),
            version: end.version,
            verified_through: through,
            broken_at: broken.as_ref().map(|broken| broken.version),
            fault: broken.map(|broken| broken.fault),
        }
    }
}

/// Verifies up to `most` entries of the transaction's tenant's chain behind `after`. What is appended meanwhile is not
/// missed: the end is read first.
pub async fn verify(tx: &mut TenantTx, after: i64, most: i64) -> sqlx::Result<Verified> {
    let end = store::end(tx).await?;
    let last = end.version.min(after.saturating_add(most));
    let mut through = after.min(last);
    while through < last {
        let piece = last.min(through + PIECE);
        if let Some(broken) = store::first_broken(tx, through, piece).await? {
            return Ok(Verified { end, through: broken.version - 1, broken: Some(broken) });
        }
        through = piece;
    }
    let broken = if through == end.version { at_the_end(&end) } else { None };
    through = broken.as_ref().map_or(through, |broken| broken.version - 1);
    Ok(Verified { end, through, broken })
}

/// The first chain behind that of `after`, or the first of all.
pub async fn next_chain(tx: &mut CrossTenantTx, after: Option<TenantId>) -> sqlx::Result<Option<TenantId>> {
    let from = after.map_or(0, |after| after.0.as_u128().saturating_add(1));
    store::chain_from(tx, TenantId(Uuid::from_u128(from))).await
}

/// The head knows the last entry; whatever lies beyond it nobody has appended.
fn at_the_end(end: &End) -> Option<Broken> {
    match &end.broken {
        Some(Break::LastChanged(id)) => Some(Broken { version: end.version, id: Some(*id), fault: Fault::Changed }),
        Some(Break::Beyond(version, id)) => Some(Broken { version: *version, id: Some(*id), fault: Fault::Unlinked }),
        None => None,
    }
}
