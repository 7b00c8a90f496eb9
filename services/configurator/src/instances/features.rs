//! Messages to billing: from when to when a tenant uses a product and each of its modules.
//!
//! Each takes the next number of its instance in the transaction that says it. The instance's row is locked until the
//! commit, so the numbers are in the order of commits, and a rollback gives them back: none is ever missing.

use super::store::{self, Instance};
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
    let modules = modules.iter().map(|module| of_module(&instance.service, module));
    let features: Vec<_> = std::iter::once(instance.service.clone()).chain(modules).collect();
    let generations = store::count_feature_changes(tx, instance.id, features.len()).await?;
    for (feature, generation) in features.into_iter().zip(generations) {
        let event = FeatureEnabled {
            instance_id: instance.id,
            service: instance.service.clone(),
            feature,
            host: instance.host.clone(),
            effective_at,
            version: Some(instance.version.clone()),
            generation: Some(generation),
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
    let generations = store::count_feature_changes(tx, instance.id, 1).await?;
    let event = FeatureDisabled {
        instance_id: instance.id,
        service: instance.service.clone(),
        feature: of_module(&instance.service, module),
        effective_at,
        version: Some(instance.version.clone()),
        generation: Some(*generations.end()),
    };
    publish(tx, &event).await.map(drop)
}

/// `forum.polls`
pub fn of_module(service: &str, module: &str) -> String {
    format!("{service}.{module}")
}
