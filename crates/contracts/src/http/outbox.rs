//! What the worker's console asks each service that publishes messages: what waits in its outbox.
//!
//! The endpoints are the same in each of them, and in no OpenAPI document.

use crate::id::TenantId;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// `GET`: an [`OutboxState`].
pub const OUTBOX: &str = "/internal/outbox";
/// `POST` of a [`ParkedQuery`]: [`ParkedMessages`].
pub const PARKED: &str = "/internal/outbox/parked";
/// `POST`: the relay tries that one again, as if for the first time; 404 if it is not parked.
pub const RELEASE: &str = "/internal/outbox/parked/{id}/release";
/// `POST`: that one is never said; 404 if it is not parked.
pub const DISCARD: &str = "/internal/outbox/parked/{id}/discard";

/// What waits in an outbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OutboxState {
    /// Messages that are on their way to SNS; counted to 100,000.
    pub waiting: u64,
    /// How long the oldest of those has waited; absent if none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_seconds: Option<u64>,
    /// Messages that SNS refuses: somebody must look at them.
    pub parked: u64,
}

/// Which parked messages are asked for; nothing means all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParkedQuery {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<TenantId>,
    /// Parked since then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// Only those after the one of this id.
    pub after: Uuid,
    pub limit: u32,
}

/// Up to [`ParkedQuery::limit`] parked messages in the order of their ids, fewer if they are large.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParkedMessages {
    pub items: Vec<ParkedMessage>,
    /// There are others behind them.
    pub more: bool,
}

/// A message that SNS refuses, with marks in place of what is secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ParkedMessage {
    pub id: Uuid,
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", schema(example = "auth.tenant.created.v1"))]
    pub kind: String,
    #[cfg_attr(feature = "openapi", schema(example = "auth-events"))]
    pub topic: String,
    /// Absent if it is about no tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<TenantId>,
    /// When it was said.
    pub time: DateTime<Utc>,
    pub parked_at: DateTime<Utc>,
    /// What SNS said last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(example = "SNS refuses the message: Invalid parameter: TopicArn"))]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// What it says; absent of a type that is not known here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub data: Option<Value>,
}
