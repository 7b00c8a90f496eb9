//! HTTP of usage.

use super::{
    places,
    range::{RangeQuery, too_much},
    store::{self, FeatureUse, MeterUse, Metered},
};
use crate::app::App;
use access::Allowed;
use axum::extract::State;
use common::{
    http::{Json, Query},
    problem::Problem,
};
use serde::Serialize;
use utoipa::ToSchema;

/// Events that one answer adds up: PostgreSQL takes some three seconds for as many, on two cores with much other work.
const MOST_EVENTS: usize = 1_000_000;
/// Features, and meters, that one answer shows: more than all products together have.
const MOST_FEATURES: usize = 1_000;
const MOST_METERS: usize = 1_000;

access::permissions! { pub ReadUsage = "billing.readUsage" }

#[derive(Debug, Serialize, ToSchema)]
pub struct Usage {
    pub features: Vec<FeatureUse>,
    pub meters: Vec<MeterUse>,
}

#[utoipa::path(get, path = "/v1/usage", operation_id = "getUsage", tag = "usage", params(RangeQuery),
    responses((status = 200, body = Usage)), security(("bearer" = ["billing.readUsage"])))]
pub async fn get(
    State(app): State<App>,
    caller: Allowed<ReadUsage>,
    Query(query): Query<RangeQuery>,
) -> Result<Json<Usage>, Problem> {
    let range = query.check(app.ambient.now())?;
    let _place = app.places.take(caller.tenant)?;
    let tx = &mut caller.begin(&app.db).await?;
    places::bound(tx).await?;
    let features = store::features(tx, range, MOST_FEATURES + 1).await.map_err(places::refused)?;
    if features.len() > MOST_FEATURES {
        return Err(too_much("features", MOST_FEATURES));
    }
    let metered = store::meters(tx, range, MOST_EVENTS + 1, MOST_METERS + 1).await;
    let Metered { uses, events, meters } = metered.map_err(places::refused)?;
    if events > MOST_EVENTS {
        return Err(too_much("events", MOST_EVENTS));
    } else if meters > MOST_METERS {
        return Err(too_much("meters", MOST_METERS));
    }
    Ok(Json(Usage { features, meters: uses }))
}
