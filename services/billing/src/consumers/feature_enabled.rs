//! A tenant uses a feature from now on: an interval begins, paid by a plan, and usage that waited for the
//! instance counts.

use super::{hold_feature, tenant};
use crate::{
    app::App,
    usage::{enabling, parked},
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
        enabling::enable(tx, &self.ambient, change).await?;
        tx.wake(parked::RELEASE);
        Ok(())
    }
}
