//! A tenant stopped using a feature: its interval ends at that instant, also if its beginning has not arrived yet.

use super::{hold_feature, tenant};
use crate::{app::App, usage::store};
use common::db::CrossTenantTx;
use contracts::messages::FeatureDisabled;
use messaging::{Delivery, Fault, Handle};

impl Handle<FeatureDisabled> for App {
    type Tx = CrossTenantTx;

    async fn handle(&self, tx: &mut CrossTenantTx, message: &Delivery<FeatureDisabled>) -> Result<(), Fault> {
        let (tenant, change) = (tenant(message)?, &message.data);
        hold_feature(tx, tenant, change.instance_id, &change.service, &change.feature).await?;
        Ok(store::end(tx, tenant, change).await?)
    }
}
