//! The record of what operators did, for operators.

use super::store::{self, QueueAction, Wanted};
use crate::{app::App, queues::rights::Reader};
use axum::extract::State;
use chrono::{DateTime, Utc};
use common::{
    http::Query,
    page::{Page, PageQuery},
    problem::Problem,
};
use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ActionFilter {
    /// Only those on this queue.
    queue: Option<String>,
    /// Only what this principal did.
    principal: Option<String>,
    /// Only what was done to the message, or the dead letter, of this id.
    message_id: Option<String>,
    /// Only what was done since then.
    since: Option<DateTime<Utc>>,
}

#[utoipa::path(get, path = "/v1/queue-actions", operation_id = "listQueueActions", tag = "queues",
    params(ActionFilter, PageQuery), responses((status = 200, body = Page<QueueAction>)),
    security(("bearer" = ["worker.readQueues"])))]
pub async fn list(
    State(app): State<App>,
    caller: Reader,
    Query(filter): Query<ActionFilter>,
    Query(page): Query<PageQuery>,
) -> Result<Page<QueueAction>, Problem> {
    let request = page.check()?;
    let ActionFilter { queue, principal, message_id: message, since } = filter;
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    let actions = store::page(&mut tx, &Wanted { queue, principal, message, since }, request).await?;
    Ok(Page::cut(actions, request, |action| action.id))
}
