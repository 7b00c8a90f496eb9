//! Endpoints of outboxes: what waits in each, and what becomes of messages that SNS refuses.

use super::reach::Outbox;
use crate::{
    app::App,
    queues::{
        actions::{self, Act, Acted, Action},
        rights::{MayReadPayloads, Mender, Reader, shown},
    },
};
use axum::{extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use common::{
    http::{Path, Query},
    page::{Page, PageQuery},
    problem::Problem,
};
use contracts::{
    http::outbox::{OutboxState, ParkedMessage, ParkedQuery},
    id::TenantId,
    privacy,
};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use service_kit::outbox::Deed;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// The outbox of a service: messages that it has said and that are not with SNS yet.
#[derive(Debug, Serialize, ToSchema)]
pub struct ServiceOutbox {
    /// Whose it is.
    #[schema(example = "auth")]
    pub service: &'static str,
    /// Absent while that service does not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<OutboxState>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ParkedFilter {
    /// Only messages of this type.
    #[serde(rename = "type")]
    #[param(example = "auth.tenant.created.v1")]
    kind: Option<String>,
    /// Only messages about this tenant.
    tenant_id: Option<TenantId>,
    /// Only those that were parked since then.
    since: Option<DateTime<Utc>>,
}

#[utoipa::path(get, path = "/v1/outboxes", operation_id = "listOutboxes", tag = "queues",
    responses((status = 200, body = Page<ServiceOutbox>)), security(("bearer" = ["worker.readQueues"])))]
pub async fn list(State(app): State<App>, _: Reader) -> Page<ServiceOutbox> {
    let outboxes = Outbox::all(&app);
    let states = outboxes.iter().map(async |outbox| (outbox.service, outbox.state().await.ok()));
    let items = join_all(states).await.into_iter().map(|(service, state)| ServiceOutbox { service, state });
    Page { items: items.collect(), next_cursor: None }
}

#[utoipa::path(get, path = "/v1/outboxes/{service}/parked-messages", operation_id = "listParkedMessages",
    tag = "queues", params(("service" = String, Path, example = "auth"), ParkedFilter, PageQuery),
    responses((status = 200, body = Page<ParkedMessage>), (status = 404, description = "`outbox_not_found`")),
    security(("bearer" = ["worker.readQueues"])))]
pub async fn parked(
    State(app): State<App>,
    _: Reader,
    may_read: MayReadPayloads,
    Path(service): Path<String>,
    Query(filter): Query<ParkedFilter>,
    Query(page): Query<PageQuery>,
) -> Result<Page<ParkedMessage>, Problem> {
    let request = page.check()?;
    let ParkedFilter { kind, tenant_id, since } = filter;
    let wanted = ParkedQuery { kind, tenant_id, since, after: request.after, limit: request.limit };
    let found = outbox(&app, &service)?.parked(&wanted).await?;
    let next = found.items.last().filter(|_| found.more).map(|last| last.id);
    let shown = shown(&may_read);
    let items = found.items.into_iter().map(|message| {
        let data = message.data.and_then(|data| privacy::redact(&message.kind, &data, shown));
        ParkedMessage { data, ..message }
    });
    Ok(Page::up_to(items.collect(), next))
}

#[utoipa::path(post, path = "/v1/outboxes/{service}/parked-messages/{id}/release",
    operation_id = "releaseParkedMessage", tag = "queues",
    params(("service" = String, Path, example = "auth"), ("id" = Uuid, Path)),
    responses((status = 204),
        (status = 404, description = "`outbox_not_found`, or `parked_message_not_found`")),
    security(("bearer" = ["worker.writeQueues"])))]
pub async fn release(
    State(app): State<App>,
    caller: Mender,
    Path((service, id)): Path<(String, Uuid)>,
) -> Result<StatusCode, Problem> {
    act(&app, caller, Deed::Release, &service, id).await
}

#[utoipa::path(delete, path = "/v1/outboxes/{service}/parked-messages/{id}", operation_id = "deleteParkedMessage",
    tag = "queues", params(("service" = String, Path, example = "auth"), ("id" = Uuid, Path)),
    responses((status = 204),
        (status = 404, description = "`outbox_not_found`, or `parked_message_not_found`")),
    security(("bearer" = ["worker.writeQueues"])))]
pub async fn discard(
    State(app): State<App>,
    caller: Mender,
    Path((service, id)): Path<(String, Uuid)>,
) -> Result<StatusCode, Problem> {
    act(&app, caller, Deed::Discard, &service, id).await
}

async fn act(app: &App, caller: Mender, deed: Deed, service: &str, id: Uuid) -> Result<StatusCode, Problem> {
    let outbox = outbox(app, service)?;
    let action = match deed {
        Deed::Release => Action::Release,
        Deed::Discard => Action::Delete,
    };
    let done = actions::recorded(app, caller, Act::to_parked(action, outbox.service, id), async move {
        let outcome = outbox.act(deed, id).await;
        // Without an answer it may have been done.
        let done = outcome.as_ref().err().is_none_or(|problem| problem.status.is_server_error());
        Acted { outcome, messages: done.then(|| id.to_string()).into_iter().collect() }
    });
    done.await.map(|()| StatusCode::NO_CONTENT)
}

fn outbox(app: &App, service: &str) -> Result<Outbox, Problem> {
    let unknown = || Problem::not_found("outbox_not_found", format!("There is no outbox of {service}."));
    Outbox::of(app, service).ok_or_else(unknown)
}
