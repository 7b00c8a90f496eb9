//! A version of a product can be enabled: its permissions are registered.
//!
//! Nothing is removed by it, because instances of older versions still ask for what they know.

use crate::{
    app::App,
    registry::{
        model::{Plan, at_least},
        store::{self, NotTaken, Origin},
    },
    stamps,
};
use common::db::CrossTenantTx;
use contracts::{messages::ServicePublished, roster};
use messaging::{Delivery, Fault, Handle};

impl Handle<ServicePublished> for App {
    type Tx = CrossTenantTx;

    async fn handle(&self, tx: &mut CrossTenantTx, message: &Delivery<ServicePublished>) -> Result<(), Fault> {
        let manifest = &message.data.manifest;
        let faults = manifest.faults();
        if !faults.is_empty() {
            return Err(Fault::permanent(faults.join("; ")));
        }
        // Not even before the service of that name has registered.
        if roster::is_reserved(&manifest.service) {
            return Err(Fault::permanent(format!("the namespace '{}' is a platform service's", manifest.service)));
        }
        let newest = store::take_namespace(tx, &manifest.service, Origin::Published).await.map_err(refused)?;
        let known = store::of_namespace(tx, &manifest.service).await?;
        let is_newest = newest.is_none_or(|newest| at_least(&manifest.version, &newest));
        let plan = if is_newest {
            Plan::extending(&known, &manifest.permissions)
        } else {
            Plan::completing(&known, &manifest.permissions)
        };
        store::apply(tx, &self.ambient, &manifest.service, &plan).await?;
        if is_newest {
            store::set_version(tx, &manifest.service, &manifest.version).await?;
        }
        stamps::leave_to_background(tx);
        Ok(())
    }
}

fn refused(error: NotTaken) -> Fault {
    match error {
        NotTaken::Foreign => Fault::permanent(error.to_string()),
        NotTaken::Database(error) => error.into(),
    }
}
