//! What do the other services tell us? One file a message type.

mod feature_disabled;
mod feature_enabled;
mod service_published;
mod tenant_created;
mod usage_recorded;

use crate::{app::App, usage::model::belongs};
use contracts::{
    id::{InstanceId, TenantId},
    messages::{FeatureDisabled, FeatureEnabled, Message, ServicePublished, TenantCreated, UsageRecorded},
};
use messaging::{Delivery, Fault};
use service_kit::Handlers;
use sqlx::PgConnection;

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
    Handlers::of("billing-usage").on::<UsageRecorded>()
}

/// The tenant that a message is about; one without can be billed to nobody.
fn tenant<M: Message>(delivery: &Delivery<M>) -> Result<TenantId, Fault> {
    delivery.tenant.ok_or_else(|| Fault::permanent(format!("{} names no tenant", M::TYPE)))
}

/// Takes the instance for this transaction, and refuses a feature that cannot be its own.
async fn hold_feature(
    tx: &mut PgConnection,
    tenant: TenantId,
    instance: InstanceId,
    service: &str,
    feature: &str,
) -> Result<(), Fault> {
    if !belongs(service, feature) {
        return Err(Fault::permanent(format!("the feature '{feature}' is not one of the service '{service}'")));
    }
    crate::usage::store::lock_instance(tx, instance).await?;
    match crate::usage::store::tenant_of(tx, instance).await? {
        Some(owner) if owner != tenant => {
            Err(Fault::permanent(format!("the instance {instance} belongs to another tenant")))
        }
        _ => Ok(()),
    }
}
