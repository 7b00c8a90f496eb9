//! Healing: what the configurator says of a feature is applied as if its messages had just come, and kept only if both
//! say the same then.

use super::{
    compare::{DiscrepancyKind, Said},
    store,
};
use crate::{
    consumers::hold_feature,
    usage::{enabling, store as usage},
};
use chrono::{DateTime, Utc};
use common::{ambient::Ambient, db::CrossTenantTx};
use contracts::messages::{FeatureDisabled, FeatureEnabled};
use messaging::Fault;

/// Whether the feature is now as the configurator says; if not, nothing of this may be committed.
///
/// The difference may be gone by now: a message has come while the configurator was asked.
pub async fn heal(
    tx: &mut CrossTenantTx,
    ambient: &Ambient,
    said: &Said,
    kind: DiscrepancyKind,
) -> Result<bool, Fault> {
    let (instance, feature) = (said.key.instance, &said.key.feature);
    let tx = match hold_feature(tx, said.tenant, instance, &said.service, feature).await {
        Ok(tx) => tx,
        Err(Fault::Permanent(_)) => return Ok(false),
        Err(fault) => return Err(fault),
    };
    let since = store::since(tx, &said.key).await?;
    if !is_clear(said, kind, since) {
        return Ok(false);
    }
    for ended in &said.ended {
        enabling::enable(tx, ambient, &enabled(said, ended.since, Some(said.version.clone()))).await?;
        usage::end(tx, &disabled(said, ended.until)).await?;
    }
    if let Some(since) = said.since {
        enabling::enable(tx, ambient, &enabled(said, since, Some(said.version.clone()))).await?;
    }
    let past = said.ended.iter().map(|ended| (said.key.clone(), ended));
    Ok(store::since(tx, &said.key).await? == said.since && store::unheard(tx, past).await?.is_empty())
}

/// Whether the configurator says all that billing has missed, if billing takes the feature to be in use `since` then.
fn is_clear(said: &Said, kind: DiscrepancyKind, since: Option<DateTime<Utc>>) -> bool {
    let ended = |since| said.ended.iter().any(|ended| ended.since == since);
    match (kind, since) {
        (DiscrepancyKind::NotInUseHere, None) => said.since.is_some(),
        (DiscrepancyKind::NotInUseThere, Some(since)) => said.since.is_none() && ended(since),
        (DiscrepancyKind::SinceDiffers, Some(since)) => said.since.is_some_and(|there| there > since) && ended(since),
        (DiscrepancyKind::PastDiffers, since) => said.since == since,
        _ => false,
    }
}

fn enabled(said: &Said, effective_at: DateTime<Utc>, version: Option<String>) -> FeatureEnabled {
    FeatureEnabled {
        instance_id: said.key.instance,
        service: said.service.clone(),
        feature: said.key.feature.clone(),
        host: said.host.clone(),
        effective_at,
        version,
        generation: None,
    }
}

fn disabled(said: &Said, effective_at: DateTime<Utc>) -> FeatureDisabled {
    FeatureDisabled {
        instance_id: said.key.instance,
        service: said.service.clone(),
        feature: said.key.feature.clone(),
        effective_at,
        version: None,
        generation: None,
    }
}
