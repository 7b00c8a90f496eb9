//! Endpoints that show dead letters: filtered, one, and by cause.

use super::{
    rights::{MayReadPayloads, Reader, no_such_letter, refused, shown},
    view::QueueMessage,
};
use crate::app::App;
use axum::extract::State;
use chrono::{DateTime, Utc};
use common::{
    http::{Json, Path, Query},
    problem::Problem,
};
use contracts::privacy::Sensitivity;
use messaging::console::dead::Seen;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LetterFilter {
    /// Only those of this cause.
    fingerprint: Option<String>,
    /// Only those of this type.
    #[serde(rename = "type")]
    #[param(rename = "type", example = "auth.tenant.created.v1")]
    kind: Option<String>,
    /// Only those of this tenant.
    tenant_id: Option<Uuid>,
    /// Only those with this text in what is shown of them: data, reason or misfit, in whatever case.
    text: Option<String>,
}

/// Dead letters that one request has gone through.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeadLetters {
    /// In no order.
    pub items: Vec<QueueMessage>,
    /// There are more dead letters than one request goes through: 1,000, or fewer large ones. Some are not here.
    pub more: bool,
}

/// Dead letters of one cause.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeadLetterGroup {
    #[schema(example = "92f792fe75a4")]
    pub fingerprint: String,
    pub count: u32,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    #[schema(example = "auth.tenant.created.v1")]
    pub kind: Option<String>,
    /// With `#` for quoted texts, numbers and addresses; absent if SQS itself gave them up.
    #[schema(example = "the tenant # is not known")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When the first of them was first sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest: Option<DateTime<Utc>>,
    /// When the last of them was first sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<DateTime<Utc>>,
}

/// Causes of the dead letters that one request has gone through.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeadLetterGroups {
    /// The largest group first.
    pub items: Vec<DeadLetterGroup>,
    /// There are more dead letters than one request goes through: the counts are too small.
    pub more: bool,
}

#[utoipa::path(get, path = "/v1/queues/{queue}/dead-letters", operation_id = "listDeadLetters", tag = "queues",
    params(("queue" = String, Path, example = "billing"), LetterFilter),
    responses((status = 200, body = DeadLetters), (status = 404, description = "`queue_not_found`")),
    security(("bearer" = ["worker.readQueues"])))]
pub async fn list(
    State(app): State<App>,
    _: Reader,
    may_read: MayReadPayloads,
    Path(queue): Path<String>,
    Query(filter): Query<LetterFilter>,
) -> Result<Json<DeadLetters>, Problem> {
    let Seen { letters, more } = app.console.dead_letters(&queue).await.map_err(refused)?;
    let items = letters.into_iter().map(|letter| QueueMessage::of(&queue, letter, shown(&may_read)));
    Ok(Json(DeadLetters { items: items.filter(|message| filter.wants(message)).collect(), more }))
}

#[utoipa::path(get, path = "/v1/queues/{queue}/dead-letters/{id}", operation_id = "getDeadLetter", tag = "queues",
    params(("queue" = String, Path, example = "billing"), ("id" = String, Path)),
    responses((status = 200, body = QueueMessage),
        (status = 404, description = "`queue_not_found`, or `dead_letter_not_found`"),
        (status = 409, description = "`too_many_dead_letters`: it was not among those that one request goes through.")),
    security(("bearer" = ["worker.readQueues"])))]
pub async fn get(
    State(app): State<App>,
    _: Reader,
    may_read: MayReadPayloads,
    Path((queue, id)): Path<(String, String)>,
) -> Result<Json<QueueMessage>, Problem> {
    let letter = app.console.dead_letter(&queue, &id).await.map_err(refused)?.ok_or_else(no_such_letter)?;
    Ok(Json(QueueMessage::of(&queue, letter, shown(&may_read))))
}

#[utoipa::path(get, path = "/v1/queues/{queue}/dead-letter-groups", operation_id = "listDeadLetterGroups",
    tag = "queues", params(("queue" = String, Path, example = "billing")),
    responses((status = 200, body = DeadLetterGroups), (status = 404, description = "`queue_not_found`")),
    security(("bearer" = ["worker.readQueues"])))]
pub async fn groups(
    State(app): State<App>,
    _: Reader,
    Path(queue): Path<String>,
) -> Result<Json<DeadLetterGroups>, Problem> {
    let Seen { letters, more } = app.console.dead_letters(&queue).await.map_err(refused)?;
    let messages = letters.into_iter().map(|letter| QueueMessage::of(&queue, letter, Sensitivity::Harmless));
    Ok(Json(DeadLetterGroups { items: grouped(messages), more }))
}

impl LetterFilter {
    fn wants(&self, message: &QueueMessage) -> bool {
        self.fingerprint.as_ref().is_none_or(|fingerprint| *fingerprint == message.fingerprint)
            && self.kind.as_ref().is_none_or(|kind| message.kind.as_ref() == Some(kind))
            && self.tenant_id.is_none_or(|tenant| message.tenant_id == Some(tenant))
            && self.text.as_ref().is_none_or(|text| message.says(text))
    }
}

fn grouped(messages: impl Iterator<Item = QueueMessage>) -> Vec<DeadLetterGroup> {
    let mut groups: BTreeMap<String, DeadLetterGroup> = BTreeMap::new();
    for message in messages {
        let QueueMessage { fingerprint, kind, reason, first_sent_at: sent, .. } = message;
        let group = groups.entry(fingerprint.clone()).or_insert_with(|| DeadLetterGroup {
            fingerprint,
            count: 0,
            kind,
            reason,
            oldest: sent,
            newest: sent,
        });
        group.count += 1;
        group.oldest = group.oldest.min(sent);
        group.newest = group.newest.max(sent);
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    groups
}
