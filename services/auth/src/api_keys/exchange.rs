//! Exchange of an API key for a token of its owner, with the key's permissions as its scope and the key's id as its
//! `sid`.
//!
//! The token is for whoever asks: a product takes it nowhere else.
//!
//! As with sessions, Redis is told that a key lives while its row is locked, and that it does not after the commit that
//! revokes it.

use super::store::{self, WorkingKey};
use crate::{app::App, issuer::MACHINE_TOKEN, sessions::model::key_lifetime};
use access::{
    Internal,
    token::{API_KEY_INVALID, ApiKey, ExchangeAnswer, ExchangeRequest},
};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use common::{http::Json, problem::Problem};
use contracts::id::SessionId;

access::callers! { pub AnyService = ["*"] }

/// The last use is written at most once in this time, so that services with many processes do not write all the time.
const LAST_USE_PRECISION: TimeDelta = TimeDelta::minutes(1);

#[utoipa::path(post, path = "/internal/api-keys/exchange", operation_id = "exchangeApiKey", tag = "internal",
    request_body = ExchangeRequest,
    responses((status = 200, body = ExchangeAnswer), (status = 404, description = "`api_key_invalid`")),
        security(("platform_client" = ["*"])))]
pub async fn exchange(
    State(app): State<App>,
    caller: Internal<AnyService>,
    Json(request): Json<ExchangeRequest>,
) -> Result<Json<ExchangeAnswer>, Problem> {
    let shown: ApiKey = request.api_key.parse().map_err(|_| invalid())?;
    let now = app.ambient.now();
    let mut lookup = app.db.begin_lookup().await?;
    let tenant = store::tenant_of(&mut lookup, shown.id()).await?.ok_or_else(invalid)?;
    let mut tx = lookup.enter(tenant).await?;
    let key = store::lock_working(&mut tx, shown.id(), now).await?;
    let key = key.filter(|key| verify_slices_are_equal(&key.key_hash, &shown.hash()).is_ok()).ok_or_else(invalid)?;
    if is_due(&key, now) {
        store::touch(&mut tx, key.id, now).await?;
    }
    let token = app.issuer.for_api_key(&key, app.audiences.of_client(&caller.client_id)).await?;
    app.live_sessions.open(key.tenant_id, SessionId(key.id.0), key_lifetime(MACHINE_TOKEN)).await?;
    tx.commit().await?;
    Ok(Json(ExchangeAnswer { access_token: token.text }))
}

fn is_due(key: &WorkingKey, now: DateTime<Utc>) -> bool {
    key.last_used_at.is_none_or(|last| now >= last + LAST_USE_PRECISION)
}

/// Not 401: it is the service that is known here, and the key that is not.
fn invalid() -> Problem {
    Problem::not_found(API_KEY_INVALID, "There is no such API key, or it has expired or was revoked.")
}
