//! Messages to billing: from when to when a tenant uses a product and each of its modules.

use super::store::Instance;
use chrono::{DateTime, Utc};
use common::db::TenantTx;
use contracts::messages::{FeatureDisabled, FeatureEnabled};
use messaging::{OutboxError, publish};

/// The service itself and its modules `modules` are in use from `effective_at` on.
pub async fn enabled(
    tx: &mut TenantTx,
    instance: &Instance,
    modules: &[String],
    effective_at: DateTime<Utc>,
) -> Result<(), OutboxError> {
    let features = modules.iter().map(|module| feature(instance, module));
    for feature in std::iter::once(instance.service.clone()).chain(features) {
        let (service, host) = (instance.service.clone(), instance.host.clone());
        let event = FeatureEnabled {
            instance_id: instance.id,
            service,
            feature,
            host,
            effective_at,
            version: Some(instance.version.clone()),
        };
        publish(tx, &event).await?;
    }
    Ok(())
}

/// The module is in use no longer.
pub async fn disabled(
    tx: &mut TenantTx,
    instance: &Instance,
    module: &str,
    effective_at: DateTime<Utc>,
) -> Result<(), OutboxError> {
    let event = FeatureDisabled {
        instance_id: instance.id,
        service: instance.service.clone(),
        feature: feature(instance, module),
        effective_at,
    };
    publish(tx, &event).await.map(drop)
}

/// `forum.polls`
fn feature(instance: &Instance, module: &str) -> String {
    format!("{}.{module}", instance.service)
}
