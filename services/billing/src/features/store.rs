//! SQL of who uses what.

use chrono::{DateTime, Utc};
use common::{db::CrossTenantTx, page::PageRequest};
use contracts::id::{InstanceId, TenantId};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// A feature of an instance, and from when to when it was in use.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UsedFeature {
    pub id: Uuid,
    pub tenant_id: TenantId,
    #[schema(example = "forum")]
    pub service: String,
    /// The service itself, or one of its modules.
    #[schema(example = "forum.polls")]
    pub feature: String,
    pub instance_id: InstanceId,
    #[schema(example = "acme.forum.localhost")]
    pub host: String,
    /// Of the service when it began; absent where nobody said so.
    #[schema(example = "1.0.0")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    pub since: DateTime<Utc>,
    /// Absent while it is in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
}

/// Which features.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FeatureFilter {
    /// Only this service's.
    pub service: Option<String>,
    /// `true`: only those in use now. `false`: only those that were.
    pub in_use: Option<bool>,
}

/// The features that fit the filter, and something else.
macro_rules! features {
    ($filter:expr, $page:expr, $rest:literal $(, $argument:expr)*) => {
        sqlx::query_as!(
            UsedFeature,
            r#"SELECT id, tenant_id, service, feature, instance_id, host, version, begin_at AS since, end_at AS until
               FROM usage_interval WHERE id > $1 AND ($3::text IS NULL OR service = $3)
                 AND ($4::boolean IS NULL OR (end_at IS NULL) = $4) "# + $rest + " ORDER BY id LIMIT $2",
            $page.after,
            $page.fetch(),
            $filter.service,
            $filter.in_use
            $(, $argument)*
        )
    };
}

pub async fn of_tenant(
    tx: &mut PgConnection,
    tenant: TenantId,
    filter: &FeatureFilter,
    page: PageRequest,
) -> sqlx::Result<Vec<UsedFeature>> {
    features!(filter, page, "AND tenant_id = $5", tenant.0).fetch_all(tx).await
}

/// Of one tenant or of all.
pub async fn of_all(
    tx: &mut CrossTenantTx,
    tenant: Option<TenantId>,
    filter: &FeatureFilter,
    page: PageRequest,
) -> sqlx::Result<Vec<UsedFeature>> {
    match tenant {
        Some(tenant) => of_tenant(tx, tenant, filter, page).await,
        None => features!(filter, page, "").fetch_all(&mut **tx).await,
    }
}
