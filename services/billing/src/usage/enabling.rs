//! A tenant uses a feature from now on, and pays for it by a plan.

use super::store;
use crate::subscriptions;
use common::{ambient::Ambient, db::TenantTx};
use contracts::messages::FeatureEnabled;

/// Opens the interval that `change` tells of, whichever order changes arrive in.
pub async fn enable(tx: &mut TenantTx, ambient: &Ambient, change: &FeatureEnabled) -> sqlx::Result<()> {
    subscriptions::store::begin(tx, &change.service, change.version.as_deref(), change.effective_at).await?;
    store::begin(tx, ambient, change).await
}
