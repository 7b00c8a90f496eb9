//! Endpoints of queues: how much is in them, a look at what waits, pause and resumption.

use super::{
    actions::{self, Act, Action},
    rights::{MayReadPayloads, Mender, Reader, refused, shown},
    view::{Queue, QueueMessage, QueueWork},
};
use crate::app::App;
use axum::extract::State;
use common::{
    http::{Json, Path},
    page::Page,
    problem::{Chain, Problem},
};
use contracts::topology::QUEUES;
use futures_util::future::{join_all, try_join_all};
use messaging::console::QueueState;
use serde::Serialize;
use service_kit::consumers;
use utoipa::ToSchema;

/// What waits in a queue.
#[derive(Debug, Serialize, ToSchema)]
pub struct Peeked {
    /// Up to ten, in no order.
    pub items: Vec<QueueMessage>,
}

#[utoipa::path(get, path = "/v1/queues", operation_id = "listQueues", tag = "queues",
    responses((status = 200, body = Page<Queue>)), security(("bearer" = ["worker.readQueues"])))]
pub async fn list(State(app): State<App>, _: Reader) -> Result<Page<Queue>, Problem> {
    let states = try_join_all(QUEUES.iter().map(|queue| app.console.state(queue.name))).await.map_err(refused)?;
    let items = join_all(states.into_iter().map(|state| with_work(&app, state))).await;
    Ok(Page { items, next_cursor: None })
}

#[utoipa::path(get, path = "/v1/queues/{queue}", operation_id = "getQueue", tag = "queues",
    params(("queue" = String, Path, example = "billing")),
    responses((status = 200, body = Queue), (status = 404, description = "`queue_not_found`")),
    security(("bearer" = ["worker.readQueues"])))]
pub async fn get(State(app): State<App>, _: Reader, Path(queue): Path<String>) -> Result<Json<Queue>, Problem> {
    let state = app.console.state(&queue).await.map_err(refused)?;
    Ok(Json(with_work(&app, state).await))
}

#[utoipa::path(get, path = "/v1/queues/{queue}/messages", operation_id = "peekQueue", tag = "queues",
    params(("queue" = String, Path, example = "billing")),
    responses((status = 200, body = Peeked), (status = 404, description = "`queue_not_found`")),
    security(("bearer" = ["worker.readQueues"])))]
pub async fn peek(
    State(app): State<App>,
    _: Reader,
    may_read: MayReadPayloads,
    Path(queue): Path<String>,
) -> Result<Json<Peeked>, Problem> {
    let letters = app.console.peek(&queue).await.map_err(refused)?;
    let items = letters.into_iter().map(|letter| QueueMessage::of(&queue, letter, shown(&may_read))).collect();
    Ok(Json(Peeked { items }))
}

#[utoipa::path(post, path = "/v1/queues/{queue}/pause", operation_id = "pauseQueue", tag = "queues",
    params(("queue" = String, Path, example = "billing")),
    responses((status = 200, body = Queue), (status = 404, description = "`queue_not_found`")),
    security(("bearer" = ["worker.writeQueues"])))]
pub async fn pause(State(app): State<App>, caller: Mender, Path(queue): Path<String>) -> Result<Json<Queue>, Problem> {
    let (console, by, now) = (app.console.clone(), caller.principal.to_string(), app.ambient.now());
    let act = Act::on(Action::Pause, &queue)?;
    let state = actions::recorded(&app, caller, act, async move {
        console.pause(&queue, &by, now).await?;
        Ok((console.state(&queue).await?, Vec::new()))
    });
    Ok(Json(with_work(&app, state.await?).await))
}

#[utoipa::path(post, path = "/v1/queues/{queue}/resume", operation_id = "resumeQueue", tag = "queues",
    params(("queue" = String, Path, example = "billing")),
    responses((status = 200, body = Queue), (status = 404, description = "`queue_not_found`")),
    security(("bearer" = ["worker.writeQueues"])))]
pub async fn resume(State(app): State<App>, caller: Mender, Path(queue): Path<String>) -> Result<Json<Queue>, Problem> {
    let console = app.console.clone();
    let act = Act::on(Action::Resume, &queue)?;
    let state = actions::recorded(&app, caller, act, async move {
        console.resume(&queue).await?;
        Ok((console.state(&queue).await?, Vec::new()))
    });
    Ok(Json(with_work(&app, state.await?).await))
}

/// A queue with what its consumers tell. What SQS says is shown without that, too.
async fn with_work(app: &App, state: QueueState) -> Queue {
    let told = consumers::heard(app, state.queue).await.map_err(|error| {
        tracing::warn!(error = %Chain(&error), "Redis cannot tell what consumers do");
    });
    Queue::of(state, told.ok().map(QueueWork::from))
}
