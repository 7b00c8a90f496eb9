//! A tenant uses a feature from now on: an interval begins, paid by a plan, and usage that waited for the
//! instance counts.

use super::{hold_feature, tenant};
use crate::{
    app::App,
    subscriptions,
    usage::{parked, store},
};
use common::db::{CrossTenantTx, Scoped};
use contracts::messages::FeatureEnabled;
use messaging::{Delivery, Fault, Handle};

impl Handle<FeatureEnabled> for App {
    /// An instance that another tenant has used is recognised.
    type Tx = CrossTenantTx;

    async fn handle(&self, tx: &mut CrossTenantTx, message: &Delivery<FeatureEnabled>) -> Result<(), Fault> {
        let change = &message.data;
        let tx = hold_feature(tx, tenant(message)?, change.instance_id, &change.service, &change.feature).await?;
        subscriptions::store::begin(tx, &change.service, change.version.as_deref(), change.effective_at).await?;
        store::begin(tx, &self.ambient, change).await?;
        tx.wake(parked::RELEASE);
        Ok(())
    }
}
