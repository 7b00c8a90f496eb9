//! SQL of discrepancies, as operators see and end them.

use super::compare::DiscrepancyKind;
use chrono::{DateTime, Utc};
use common::{
    db::{CrossTenantTx, TenantTx},
    page::PageRequest,
};
use contracts::id::{InstanceId, TenantId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// What becomes of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum DiscrepancyState {
    /// Seen for less than an hour: a message may be under way.
    Suspected,
    /// It lasts.
    Open,
    /// What the configurator says was applied.
    Healed,
    /// It has gone by itself: the message came, or the configurator says something else.
    Resolved,
    /// An operator has ended the feature.
    Ended,
}

/// A feature of which billing and the configurator do not say the same.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FeatureDiscrepancy {
    pub id: Uuid,
    pub tenant_id: TenantId,
    pub instance_id: InstanceId,
    #[schema(example = "forum")]
    pub service: String,
    #[schema(example = "forum.polls")]
    pub feature: String,
    pub kind: DiscrepancyKind,
    /// Since when billing takes it to be in use; absent if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since_here: Option<DateTime<Utc>>,
    /// Since when the configurator says that it is in use; absent if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since_there: Option<DateTime<Utc>>,
    pub state: DiscrepancyState,
    pub first_seen_at: DateTime<Utc>,
    /// Absent while it lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolved_at: Option<DateTime<Utc>>,
    /// Since when it is not used any more, if an operator said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
    /// Which operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "user:01890a5d-ac96-774b-bcce-b302099a8057")]
    pub ended_by: Option<String>,
}

/// Which discrepancies.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DiscrepancyFilter {
    /// Only this tenant's.
    pub tenant_id: Option<TenantId>,
    /// Only those in this state.
    #[param(inline)]
    pub state: Option<DiscrepancyState>,
}

pub async fn page(
    tx: &mut CrossTenantTx,
    filter: &DiscrepancyFilter,
    page: PageRequest,
) -> sqlx::Result<Vec<FeatureDiscrepancy>> {
    let discrepancies = sqlx::query_as!(
        FeatureDiscrepancy,
        r#"SELECT id, tenant_id, instance_id, service, feature, kind AS "kind: DiscrepancyKind", since_here, since_there,
             state AS "state: DiscrepancyState", first_seen_at, resolved_at, ended_at, ended_by
           FROM feature_discrepancy
           WHERE id > $1 AND ($3::uuid IS NULL OR tenant_id = $3) AND ($4::text IS NULL OR state = $4)
           ORDER BY id LIMIT $2"#,
        page.after,
        page.fetch(),
        filter.tenant_id.map(|tenant| tenant.0),
        filter.state as Option<DiscrepancyState>
    );
    discrepancies.fetch_all(&mut **tx).await
}

pub async fn find(tx: &mut CrossTenantTx, id: Uuid) -> sqlx::Result<Option<FeatureDiscrepancy>> {
    let found = sqlx::query_as!(
        FeatureDiscrepancy,
        r#"SELECT id, tenant_id, instance_id, service, feature, kind AS "kind: DiscrepancyKind", since_here, since_there,
             state AS "state: DiscrepancyState", first_seen_at, resolved_at, ended_at, ended_by
           FROM feature_discrepancy WHERE id = $1"#,
        id
    );
    found.fetch_optional(&mut **tx).await
}

/// An operator has ended the feature; `None` if the discrepancy is not open any more.
pub async fn end(
    tx: &mut TenantTx,
    id: Uuid,
    ended_at: DateTime<Utc>,
    ended_by: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<FeatureDiscrepancy>> {
    let ended = sqlx::query_as!(
        FeatureDiscrepancy,
        r#"UPDATE feature_discrepancy SET state = 'ended', resolved_at = $5, ended_at = $3, ended_by = $4
           WHERE tenant_id = $1 AND id = $2 AND state = 'open'
           RETURNING id, tenant_id, instance_id, service, feature, kind AS "kind: DiscrepancyKind", since_here,
             since_there, state AS "state: DiscrepancyState", first_seen_at, resolved_at, ended_at, ended_by"#,
        tx.tenant().0,
        id,
        ended_at,
        ended_by,
        now
    );
    ended.fetch_optional(&mut **tx).await
}
