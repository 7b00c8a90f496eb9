//! A version of a service was published: its prices become rates.

use crate::{app::App, rates};
use common::db::CrossTenantTx;
use contracts::messages::ServicePublished;
use messaging::{Delivery, Fault, Handle};

impl Handle<ServicePublished> for App {
    type Tx = CrossTenantTx;

    async fn handle(&self, tx: &mut CrossTenantTx, message: &Delivery<ServicePublished>) -> Result<(), Fault> {
        let manifest = &message.data.manifest;
        let currency = manifest.currency.parse().map_err(|fault| Fault::permanent(format!("currency {fault}")))?;
        for rate in rates::announced(manifest, &currency, message.time, &self.ambient) {
            if rate.price.is_sign_negative() {
                return Err(Fault::permanent(format!("the price of '{}' is negative", rate.name)));
            }
            let kept = rates::store::keep(tx, &rate).await?;
            if !rates::same_price(&kept, &rate) {
                return Err(Fault::permanent(format!(
                    "version {} of {} has announced another price of '{}' before",
                    rate.version, rate.service, rate.name
                )));
            }
        }
        Ok(())
    }
}
