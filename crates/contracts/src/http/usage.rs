//! What products ask billing: to count usage.

use crate::{
    id::{InstanceId, TenantId},
    messages::{UsageBatchRecorded, UsageEvent},
};
use serde::{Deserialize, Serialize};

/// Events in one `POST /internal/usage-batches`.
pub const MOST_EVENTS: usize = UsageBatchRecorded::MOST_EVENTS;

/// Body of `POST /internal/usage-batches` of billing: what one instance of the calling product used.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UsageBatch {
    /// Whose instance it is.
    pub tenant_id: TenantId,
    pub instance_id: InstanceId,
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 1000))]
    pub events: Vec<UsageEvent>,
}
