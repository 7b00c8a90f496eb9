//! The CloudEvents 1.0 envelope in JSON that surrounds every message.

use crate::{
    id::{MessageId, TenantId},
    messages::Message,
};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// CloudEvents 1.0, structured JSON mode, with the extensions `tenant` and `traceparent`
/// (<https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md>).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Envelope {
    pub specversion: String,
    pub id: MessageId,
    /// The service that says it: `/services/auth`.
    pub source: String,
    /// Name and version of the message: `auth.tenant.created.v1`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is about, such as the id of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    pub time: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
    /// W3C Trace Context of the producer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    pub data: Value,
}

/// The `source` of what the service of that name says.
pub fn source_of(service: &str) -> String {
    format!("/services/{service}")
}

impl Envelope {
    /// Wraps `data` as message `id`, said at `time` by service `source` (its bare name).
    pub fn new<M: Message>(
        id: MessageId,
        time: DateTime<Utc>,
        source: &str,
        tenant: Option<TenantId>,
        data: &M,
    ) -> Result<Self, serde_json::Error> {
        Ok(Self {
            specversion: "1.0".into(),
            id,
            source: source_of(source),
            kind: M::TYPE.into(),
            subject: None,
            time,
            tenant,
            traceparent: None,
            data: serde_json::to_value(data)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_attributes_are_ignored() {
        let text = r#"{"specversion":"1.0","id":"01890a5d-ac96-774b-bcce-b302099a8057","source":"/services/auth",
            "type":"t","time":"2026-01-01T00:00:00Z","data":{},"later":1}"#;
        let envelope: Envelope = serde_json::from_str(text).unwrap();
        assert_eq!(envelope.tenant, None);
    }
}
