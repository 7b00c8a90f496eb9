//! SQL of features in use.

use crate::instances::features::of_module;
use chrono::{DateTime, Utc};
use common::{db::CrossTenantTx, page::PageRequest};
use contracts::{
    http::instances::{ActiveFeature, ActiveInstance},
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
}

/// In one statement, so that the features are those of the generation.
pub async fn page(tx: &mut CrossTenantTx, page: PageRequest) -> sqlx::Result<Vec<ActiveInstance>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, tenant_id, service, version, host, feature_generation, state_since,
                  ARRAY(SELECT module FROM instance_modules WHERE instance_id = instances.id AND removed_at IS NULL
                        ORDER BY place) AS "modules!",
                  ARRAY(SELECT enabled_at FROM instance_modules WHERE instance_id = instances.id AND removed_at IS NULL
                        ORDER BY place) AS "enabled_at!"
           FROM instances WHERE state = 'active' AND id > $1 ORDER BY id LIMIT $2"#,
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
        Self {
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
