//! A version of a service was published: its prices become that version of the service's default plan.

use crate::{
    app::App,
    plans::{self, Plan, PlanVersion},
};
use common::db::CrossTenantTx;
use contracts::messages::ServicePublished;
use messaging::{Delivery, Fault, Handle};

impl Handle<ServicePublished> for App {
    type Tx = CrossTenantTx;

    async fn handle(&self, tx: &mut CrossTenantTx, message: &Delivery<ServicePublished>) -> Result<(), Fault> {
        let manifest = &message.data.manifest;
        let (service, version) = (manifest.service.clone(), manifest.version.clone());
        let currency = manifest.currency.parse().map_err(|fault| Fault::permanent(format!("currency {fault}")))?;
        let rates = plans::announced::rates(manifest, &currency, &self.ambient)
            .map_err(|fault| Fault::permanent(format!("version {version} of {service} has a charge whose {fault}")))?;
        let id = || self.ambient.uuid();
        let plan = Plan { id: id(), name: service.clone(), service, title: manifest.title.clone() };
        let plan = plans::store::keep(tx, &plan).await?.name;
        let published = PlanVersion { id: id(), plan, version, published_at: message.time };
        if plans::store::publish(tx, &published, &rates).await? {
            return Ok(());
        }
        let PlanVersion { plan, version, .. } = &published;
        if !plans::same_prices(&plans::store::rates(tx, plan, version).await?, &rates) {
            return Err(Fault::permanent(format!("version {version} of {plan} has announced other prices before")));
        }
        Ok(())
    }
}
