//! The outbox of a service for the worker's console: what waits in it, and what SNS refuses.

use crate::Kit;
use access::{Internal, callers};
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use common::{
    http::{Json, Path},
    problem::Problem,
};
use contracts::http::outbox::{DISCARD, OUTBOX, OutboxState, PARKED, ParkedMessages, ParkedQuery, RELEASE};
use messaging::parked;
use uuid::Uuid;

callers! { pub Console = ["worker"] }

type Caller = Internal<Console>;

/// Code of the problem of a message that is not parked.
pub const NOT_PARKED: &str = "parked_message_not_found";

pub(crate) fn routes(kit: Kit) -> Router {
    Router::new()
        .route(OUTBOX, get(state))
        .route(PARKED, post(list))
        .route(RELEASE, post(release))
        .route(DISCARD, post(discard))
        .with_state(kit)
}

/// What the console says of a message that is not parked.
pub fn not_parked() -> Problem {
    let detail = "No such message is parked: it was released or discarded, or was never there.";
    Problem::not_found(NOT_PARKED, detail)
}

async fn state(State(kit): State<Kit>, _: Caller) -> Result<Json<OutboxState>, Problem> {
    let mut tx = kit.db.begin_tenantless().await?;
    Ok(Json(parked::state(&mut tx).await?))
}

async fn list(
    State(kit): State<Kit>,
    _: Caller,
    Json(wanted): Json<ParkedQuery>,
) -> Result<Json<ParkedMessages>, Problem> {
    let mut tx = kit.db.begin_tenantless().await?;
    Ok(Json(parked::list(&mut tx, &wanted).await?))
}

async fn release(State(kit): State<Kit>, _: Caller, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    let mut tx = kit.db.begin_tenantless().await?;
    let released = parked::release(&mut tx, id).await?;
    tx.commit().await?;
    done(released)
}

async fn discard(State(kit): State<Kit>, _: Caller, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    let mut tx = kit.db.begin_tenantless().await?;
    let discarded = parked::discard(&mut tx, id).await?;
    tx.commit().await?;
    done(discarded)
}

fn done(was_parked: bool) -> Result<StatusCode, Problem> {
    if was_parked { Ok(StatusCode::NO_CONTENT) } else { Err(not_parked()) }
}
