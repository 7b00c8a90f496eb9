//! Consumers of what other services tell, one file a message type.

mod feature_disabled;
mod feature_enabled;
mod service_published;
mod tenant_created;
mod usage_recorded;

use crate::{
    app::App,
    usage::{model::belongs, store},
};
use common::db::{CrossTenantTx, TenantTx};
use contracts::{
    id::{InstanceId, TenantId},
    messages::{
        FeatureDisabled, FeatureEnabled, Message, ServicePublished, TenantCreated, UsageBatchRecorded, UsageRecorded,
    },
};
use messaging::{Delivery, Fault};
use service_kit::Handlers;

/// Takes what happens elsewhere: tenants, services, features.
pub fn facts() -> Handlers<App> {
    Handlers::of("billing")
        .on::<TenantCreated>()
        .on::<ServicePublished>()
        .on::<FeatureEnabled>()
        .on::<FeatureDisabled>()
}

/// Takes metered usage.
pub fn usage() -> Handlers<App> {
    Handlers::of("billing-usage").on::<UsageRecorded>().on::<UsageBatchRecorded>()
}

/// The tenant that a message is about; one without can be billed to nobody.
fn tenant<M: Message>(delivery: &Delivery<M>) -> Result<TenantId, Fault> {
    delivery.tenant.ok_or_else(|| Fault::permanent(format!("{} names no tenant", M::TYPE)))
}

/// Takes the instance for this transaction, refuses a feature that cannot be its own, and goes on with its tenant's
/// rows.
pub async fn hold_feature<'t>(
    tx: &'t mut CrossTenantTx,
    tenant: TenantId,
    instance: InstanceId,
    service: &str,
    feature: &str,
) -> Result<&'t mut TenantTx, Fault> {
    if !belongs(service, feature) {
        return Err(Fault::permanent(format!("the feature '{feature}' is not one of the service '{service}'")));
    }
    store::lock_instance(tx, instance).await?;
    match store::tenant_of(tx, instance).await? {
        Some(owner) if owner != tenant => {
            Err(Fault::permanent(format!("the instance {instance} belongs to another tenant")))
        }
        _ => Ok(tx.narrow(tenant).await?),
    }
}
