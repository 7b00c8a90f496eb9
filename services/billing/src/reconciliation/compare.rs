//! The comparison. Pure: what billing takes to be in use, against what the configurator says.

use chrono::{DateTime, Utc};
use contracts::{
    http::instances::{ActiveInstance, EndedFeature},
    id::{InstanceId, TenantId},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// What is compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub instance: InstanceId,
    pub feature: String,
}

/// A feature that is in use.
#[derive(Clone, Debug, PartialEq)]
pub struct InUse {
    pub tenant: TenantId,
    pub service: String,
    pub since: DateTime<Utc>,
}

/// In what billing and the configurator differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum DiscrepancyKind {
    /// The configurator says that the feature is in use; billing knows nothing of it, or that it was disabled.
    NotInUseHere,
    /// Billing takes it to be in use; the configurator lists the instance without it.
    NotInUseThere,
    /// In use for both, but not since the same moment.
    SinceDiffers,
    /// Both say the same of now. When it was in use before, billing does not know, or not when that ended.
    PastDiffers,
    /// Billing takes it to be in use; the configurator does not list the instance.
    InstanceNotThere,
    /// The instance is another tenant's, or runs another service.
    OwnerDiffers,
}

impl DiscrepancyKind {
    pub const ALL: [Self; 6] = [
        Self::NotInUseHere,
        Self::NotInUseThere,
        Self::SinceDiffers,
        Self::PastDiffers,
        Self::InstanceNotThere,
        Self::OwnerDiffers,
    ];

    /// As the API and the database have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotInUseHere => "not_in_use_here",
            Self::NotInUseThere => "not_in_use_there",
            Self::SinceDiffers => "since_differs",
            Self::PastDiffers => "past_differs",
            Self::InstanceNotThere => "instance_not_there",
            Self::OwnerDiffers => "owner_differs",
        }
    }
}

/// A feature of which both do not say the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    pub key: Key,
    pub kind: DiscrepancyKind,
    /// As billing knows it, else as the configurator says.
    pub tenant: TenantId,
    pub service: String,
    pub since_here: Option<DateTime<Utc>>,
    pub since_there: Option<DateTime<Utc>>,
}

/// All that the configurator says of a feature.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    pub key: Key,
    pub tenant: TenantId,
    pub service: String,
    pub host: String,
    /// Of the service that the instance runs now.
    pub version: String,
    /// Since when it is in use; `None` if it is not.
    pub since: Option<DateTime<Utc>>,
    /// When it was in use before, in the order of time.
    pub ended: Vec<EndedFeature>,
}

/// What the configurator says of a range of instances.
pub struct There(BTreeMap<InstanceId, ActiveInstance>);

impl There {
    pub fn of(mut instances: Vec<ActiveInstance>) -> Self {
        for instance in &mut instances {
            // What ended at the moment at which it began was never in use.
            instance.ended.retain(|ended| ended.since < ended.until);
        }
        Self(instances.into_iter().map(|instance| (instance.instance_id, instance)).collect())
    }

    /// `None` of an instance that is not listed.
    pub fn says(&self, key: &Key) -> Option<Said> {
        let instance = self.0.get(&key.instance)?;
        let own = instance.features.iter().find(|feature| feature.feature == key.feature);
        let mut ended: Vec<_> = instance.ended.iter().filter(|ended| ended.feature == key.feature).cloned().collect();
        ended.sort_by_key(|ended| ended.since);
        Some(Said {
            key: key.clone(),
            tenant: instance.tenant_id,
            service: instance.service.clone(),
            host: instance.host.clone(),
            version: instance.version.clone(),
            since: own.map(|feature| feature.since),
            ended,
        })
    }

    /// When features were in use that are not, or not since then.
    pub fn past(&self) -> impl Iterator<Item = (Key, &EndedFeature)> {
        self.0.values().flat_map(|instance| {
            let key = |ended: &EndedFeature| Key { instance: instance.instance_id, feature: ended.feature.clone() };
            instance.ended.iter().map(move |ended| (key(ended), ended))
        })
    }

    fn in_use(&self) -> impl Iterator<Item = (Key, InUse)> {
        self.0.values().flat_map(|instance| {
            instance.features.iter().map(|feature| {
                let key = Key { instance: instance.instance_id, feature: feature.feature.clone() };
                let service = instance.service.clone();
                (key, InUse { tenant: instance.tenant_id, service, since: feature.since })
            })
        })
    }
}

/// The difference of each feature, in the order of its key; `unheard` are those of whose past billing lacks something.
pub fn compare(here: &BTreeMap<Key, InUse>, unheard: &BTreeSet<Key>, there: &There) -> Vec<Difference> {
    let difference = |key: &Key, of: &InUse, kind, since_here, since_there| Difference {
        key: key.clone(),
        kind,
        tenant: of.tenant,
        service: of.service.clone(),
        since_here,
        since_there,
    };
    let mut found: Vec<_> = here
        .iter()
        .filter_map(|(key, own)| {
            let said = there.says(key);
            let since_there = said.as_ref().and_then(|said| said.since);
            let kind = match said {
                None => DiscrepancyKind::InstanceNotThere,
                Some(said) if (said.tenant, &said.service) != (own.tenant, &own.service) => {
                    DiscrepancyKind::OwnerDiffers
                }
                Some(Said { since: None, .. }) => DiscrepancyKind::NotInUseThere,
                Some(Said { since: Some(since), .. }) if micros(since) != micros(own.since) => {
                    DiscrepancyKind::SinceDiffers
                }
                Some(_) => return None,
            };
            Some(difference(key, own, kind, Some(own.since), since_there))
        })
        .collect();
    let missed = there.in_use().filter(|(key, _)| !here.contains_key(key));
    found.extend(
        missed.map(|(key, said)| difference(&key, &said, DiscrepancyKind::NotInUseHere, None, Some(said.since))),
    );
    let told: BTreeSet<_> = found.iter().map(|difference| difference.key.clone()).collect();
    let of_past = unheard.difference(&told).filter_map(|key| {
        let Said { tenant, service, since, .. } = there.says(key)?;
        let of = InUse { tenant, service, since: since.unwrap_or_default() };
        Some(difference(key, &of, DiscrepancyKind::PastDiffers, here.get(key).map(|own| own.since), since))
    });
    found.extend(of_past);
    found.sort_by(|one, other| one.key.cmp(&other.key));
    found
}

/// As PostgreSQL keeps it.
fn micros(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

#[cfg(test)]
#[path = "compare/tests.rs"]
mod tests;
