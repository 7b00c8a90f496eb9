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
    db::Db,
    http::{Json, Path},
    problem::Problem,
};
use contracts::http::outbox::{DISCARD, OUTBOX, OutboxState, PARKED, ParkedMessages, ParkedQuery, RELEASE};
use messaging::parked;
use uuid::Uuid;

callers! { pub Console = ["worker"] }

type Caller = Internal<Console>;

/// What is done to a parked message.
#[derive(Clone, Copy, Debug)]
pub enum Deed {
    Release,
    Discard,
}

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
    act(&kit.db, Deed::Release, id).await.map(|()| StatusCode::NO_CONTENT)
}

async fn discard(State(kit): State<Kit>, _: Caller, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    act(&kit.db, Deed::Discard, id).await.map(|()| StatusCode::NO_CONTENT)
}

/// Does it to the message of that id, which must be parked in this database.
pub async fn act(db: &Db, deed: Deed, id: Uuid) -> Result<(), Problem> {
    let mut tx = db.begin_tenantless().await?;
    let was_parked = match deed {
        Deed::Release => parked::release(&mut tx, id).await?,
        Deed::Discard => parked::discard(&mut tx, id).await?,
    };
    tx.commit().await?;
    if was_parked { Ok(()) } else { Err(not_parked()) }
}
