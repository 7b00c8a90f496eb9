//! A tenant stopped using a feature: its interval ends at that instant, also if its beginning has not arrived yet.

use super::{hold_feature, tenant};
use crate::{app::App, usage::store};
use common::db::CrossTenantTx;
use contracts::messages::FeatureDisabled;
use messaging::{Delivery, Fault, Handle};

impl Handle<FeatureDisabled> for App {
    /// An instance that another tenant has used is recognised.
    type Tx = CrossTenantTx;

    async fn handle(&self, tx: &mut CrossTenantTx, message: &Delivery<FeatureDisabled>) -> Result<(), Fault> {
        let change = &message.data;
        let tx = hold_feature(tx, tenant(message)?, change.instance_id, &change.service, &change.feature).await?;
        Ok(store::end(tx, change).await?)
    }
}
