//! Ending a feature by hand: of one that the configurator does not list, nobody says any more when it ended.

use super::{
    compare::{DiscrepancyKind, Key},
    discrepancy_store::{self, DiscrepancyState, FeatureDiscrepancy},
    store,
};
use crate::{app::App, usage::store as usage};
use access::Allowed;
use axum::extract::State;
use chrono::{DateTime, Utc};
use common::{
    http::{Json, Path},
    problem::{FieldError, Problem},
};
use contracts::messages::FeatureDisabled;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

access::permissions! { pub EndFeatures = platform "billing.endFeatures" }

#[derive(Deserialize, ToSchema)]
pub struct FeatureEnding {
    /// Since when it is not used any more; after it began, and not in the future.
    ended_at: DateTime<Utc>,
}

#[utoipa::path(post, path = "/v1/feature-discrepancies/{id}/end", operation_id = "endFeature", tag = "usage",
    params(("id" = Uuid, Path)), request_body = FeatureEnding,
    responses((status = 200, body = FeatureDiscrepancy),
        (status = 404, description = "`discrepancy_not_found`"),
        (status = 409, description = "`discrepancy_not_open`")),
    extensions(("x-no-idempotency-key" = json!("A feature ends once."))),
    security(("bearer" = ["billing.endFeatures"])))]
pub async fn end(
    State(app): State<App>,
    caller: Allowed<EndFeatures>,
    Path(id): Path<Uuid>,
    Json(ending): Json<FeatureEnding>,
) -> Result<Json<FeatureDiscrepancy>, Problem> {
    let (now, operator) = (app.ambient.now(), caller.principal.to_string());
    let mut across = caller.begin_across_tenants(&app.db).await?;
    let found = discrepancy_store::find(&mut across, id).await?.ok_or_else(no_discrepancy)?;
    let since = found.endable().ok_or_else(not_open)?;
    ending.check(since, now)?;
    usage::lock_instance(&mut across, found.instance_id).await?;
    let tx = across.narrow(found.tenant_id).await?;
    let key = Key { instance: found.instance_id, feature: found.feature.clone() };
    if store::since(tx, &key).await? != Some(since) {
        return Err(not_open());
    }
    usage::end(tx, &found.disabled(ending.ended_at)).await?;
    let ended = discrepancy_store::end(tx, id, ending.ended_at, &operator, now).await?.ok_or_else(not_open)?;
    across.commit().await?;
    let (instance_id, feature) = (ended.instance_id, &ended.feature);
    tracing::warn!(%instance_id, feature, operator, "An operator has ended a feature");
    Ok(Json(ended))
}

impl FeatureEnding {
    fn check(&self, since: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), Problem> {
        if since < self.ended_at && self.ended_at <= now {
            return Ok(());
        }
        let detail = format!("must be after {since} and not in the future");
        Err(FieldError::new("ended_at", "out_of_range", detail).into())
    }
}

impl FeatureDiscrepancy {
    /// Since when it is in use, if it lasts and the configurator says of no such use.
    fn endable(&self) -> Option<DateTime<Utc>> {
        let kinds = [DiscrepancyKind::InstanceNotThere, DiscrepancyKind::NotInUseThere, DiscrepancyKind::OwnerDiffers];
        self.since_here.filter(|_| self.state == DiscrepancyState::Open && kinds.contains(&self.kind))
    }

    /// What the configurator would have said.
    fn disabled(&self, effective_at: DateTime<Utc>) -> FeatureDisabled {
        FeatureDisabled {
            instance_id: self.instance_id,
            service: self.service.clone(),
            feature: self.feature.clone(),
            effective_at,
            version: None,
            generation: None,
        }
    }
}

fn no_discrepancy() -> Problem {
    Problem::not_found("discrepancy_not_found", "There is no such discrepancy.")
}

fn not_open() -> Problem {
    let detail = "Only a feature that is in use here and not there, for longer than a message takes, is ended by hand. \
        Look at the discrepancies again.";
    Problem::conflict("discrepancy_not_open", detail)
}
