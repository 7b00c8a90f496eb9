//! A tenant uses a feature from now on: an interval begins, and usage that waited for the instance counts.

use super::{hold_feature, tenant};
use crate::{
    app::App,
    usage::{parked, store},
};
use common::db::CrossTenantTx;
use contracts::messages::FeatureEnabled;
use messaging::{Delivery, Fault, Handle};

impl Handle<FeatureEnabled> for App {
    type Tx = CrossTenantTx;

    async fn handle(&self, tx: &mut CrossTenantTx, message: &Delivery<FeatureEnabled>) -> Result<(), Fault> {
        let (tenant, change) = (tenant(message)?, &message.data);
        hold_feature(tx, tenant, change.instance_id, &change.service, &change.feature).await?;
        store::begin(tx, &self.ambient, tenant, change).await?;
        parked::release(tx, &self.ambient, Some(change.instance_id)).await?;
        Ok(())
    }
}
