//! SQL of features in use.

use crate::instances::features::of_module;
use chrono::{DateTime, Utc};
use common::{db::CrossTenantTx, page::PageRequest};
use contracts::{
    http::instances::{ActiveFeature, ActiveInstance, EndedFeature},
    id::{InstanceId, TenantId},
};

struct Row {
    id: InstanceId,
    tenant_id: TenantId,
    service: String,
    version: String,
    host: String,
    feature_generation: i64,
    state_since: DateTime<Utc>,
    modules: Vec<String>,
    /// Of each of them.
    enabled_at: Vec<DateTime<Utc>>,
    removed: Vec<String>,
    /// Of each of those that were removed.
    removed_since: Vec<DateTime<Utc>>,
    removed_until: Vec<DateTime<Utc>>,
}

/// In one statement, so that the features are those of the generation.
pub async fn page(tx: &mut CrossTenantTx, page: PageRequest) -> sqlx::Result<Vec<ActiveInstance>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, tenant_id, service, version, host, feature_generation, state_since,
                  ARRAY(SELECT module FROM instance_modules WHERE instance_id = instances.id AND removed_at IS NULL
                        ORDER BY place) AS "modules!",
                  ARRAY(SELECT enabled_at FROM instance_modules WHERE instance_id = instances.id AND removed_at IS NULL
                        ORDER BY place) AS "enabled_at!",
                  r.modules AS "removed!", r.since AS "removed_since!", r.until AS "removed_until!"
           FROM instances, LATERAL (
             SELECT coalesce(array_agg(module), '{}') AS modules, coalesce(array_agg(enabled_at), '{}') AS since,
                    coalesce(array_agg(removed_at), '{}') AS until
             FROM (SELECT module, enabled_at, removed_at FROM instance_modules
                   WHERE instance_id = instances.id AND removed_at IS NOT NULL AND enabled_at IS NOT NULL
                   ORDER BY removed_at DESC, module LIMIT 100) AS last) AS r
           WHERE state = 'active' AND id > $1 ORDER BY id LIMIT $2"#,
        page.after,
        page.fetch()
    );
    Ok(rows.fetch_all(&mut **tx).await?.into_iter().map(ActiveInstance::from).collect())
}

impl From<Row> for ActiveInstance {
    /// The service itself is in use since the instance is active.
    fn from(row: Row) -> Self {
        let itself = ActiveFeature { feature: row.service.clone(), since: row.state_since };
        let modules = row
            .modules
            .iter()
            .zip(row.enabled_at)
            .map(|(module, since)| ActiveFeature { feature: of_module(&row.service, module), since });
        let times = row.removed_since.into_iter().zip(row.removed_until);
        let ended = row.removed.iter().zip(times);
        let ended = ended.map(|(module, (since, until))| EndedFeature {
            feature: of_module(&row.service, module),
            since,
            until,
        });
        Self {
            ended: ended.collect(),
            features: std::iter::once(itself).chain(modules).collect(),
            instance_id: row.id,
            tenant_id: row.tenant_id,
            service: row.service,
            version: row.version,
            host: row.host,
            generation: row.feature_generation,
        }
    }
}
