//! Endpoints of one's own API keys, for who is logged in: one key cannot make or end another.

use super::{
    model::{ApiKeyRequest, lacking},
    store::{self, OwnKey},
};
use crate::{accounts::routes::logged_in, app::App, sessions::routes::NO_STORE};
use access::{Authenticated, token::ApiKey};
use audit::Entry;
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::Response,
};
use common::{
    http::{Json, Path, Query},
    limit::Limit,
    page::{Page, PageQuery},
    problem::Problem,
    source::Source,
};
use contracts::id::{ApiKeyId, SessionId};
use idempotency::Creating;
use serde::Serialize;
use serde_json::json;
use std::{collections::BTreeSet, time::Duration};
use utoipa::ToSchema;

/// More than a person can keep an eye on.
const MOST_KEYS: i64 = 100;
/// By one person from one network: each is written down for good.
const MADE: Limit = Limit { name: "api-keys", most: 300, window: Duration::from_secs(3600) };

#[derive(Serialize, ToSchema)]
pub struct ApiKeyMade {
    api_key: OwnKey,
    /// Shown here only.
    #[schema(format = Password, example = "slk_01890a5dac96774bbcceb302099a8057_…")]
    secret: String,
}

#[utoipa::path(get, path = "/v1/api-keys", operation_id = "listApiKeys", tag = "api-keys", params(PageQuery),
    responses((status = 200, body = Page<OwnKey>),
        (status = 403, description = "`people_only`, `user_session_required`, \
            `personal_session_required`")),
    security(("bearer" = [])))]
pub async fn list(
    State(app): State<App>,
    caller: Authenticated,
    Query(query): Query<PageQuery>,
) -> Result<Page<OwnKey>, Problem> {
    let (page, owner) = (query.check()?, logged_in(&caller.claims, &caller.principal)?);
    let mut tx = caller.begin(&app.db).await?;
    let keys = store::list(&mut tx, owner, page).await?;
    Ok(Page::cut(keys, page, |key| key.id.0))
}

#[utoipa::path(post, path = "/v1/api-keys", operation_id = "createApiKey", tag = "api-keys",
    request_body = ApiKeyRequest,
    responses((status = 201, body = ApiKeyMade), (status = 409, description = "`too_many_api_keys`"),
        (status = 403, description = "`people_only`, `user_session_required`, \
            `personal_session_required`, `not_a_member`"),
        (status = 429, description = "`too_many_requests`: keys of this person.")),
        security(("bearer" = [])))]
pub async fn create(
    State(app): State<App>,
    caller: Authenticated,
    source: Source,
    Creating(Json(request), mut once): Creating<Json<ApiKeyRequest>>,
) -> Result<Response, Problem> {
    let (owner, now) = (logged_in(&caller.claims, &caller.principal)?, app.ambient.now());
    let wanted = request.check(now).map_err(Problem::invalid)?;
    app.limiter.admit_for(&MADE, source, &owner.to_string()).await?;
    held(&app, &caller, &wanted.permissions).await?;
    let (id, name, permissions) =
        (ApiKeyId(app.ambient.uuid()), wanted.name.as_str().to_owned(), wanted.permissions.into_iter().collect());
    let key = OwnKey { id, name, permissions, created_at: now, expires_at: wanted.expires_at, last_used_at: None };
    let secret = ApiKey::new(id, app.ambient.bytes());
    let mut tx = caller.begin(&app.db).await?;
    if let Some(earlier) = once.begin(&mut tx, &caller).await? {
        return Ok(earlier);
    }
    match store::count_locked(&mut tx, owner).await? {
        None => return Err(Problem::forbidden("not_a_member", "You do not belong to this tenant any more.")),
        Some(MOST_KEYS..) => {
            return Err(Problem::conflict(
                "too_many_api_keys",
                format!("You may have {MOST_KEYS} keys; revoke one that is not needed."),
            ));
        }
        Some(_) => store::insert(&mut tx, owner, &key, &secret).await?,
    }
    audit::note(&mut tx, Entry::new("api_key.created", format!("api_key:{id}")).after(json!(key)));
    let location = (header::LOCATION, format!("/v1/api-keys/{id}"));
    let made = Json(ApiKeyMade { api_key: key, secret: secret.expose().to_owned() });
    let answer = once.remember(&mut tx, (StatusCode::CREATED, [NO_STORE], [location], made)).await?;
    tx.commit().await?;
    Ok(answer)
}

#[utoipa::path(delete, path = "/v1/api-keys/{id}", operation_id = "revokeApiKey", tag = "api-keys",
    params(("id" = ApiKeyId, Path)),
    responses((status = 204),
        (status = 403, description = "`people_only`, `user_session_required`, \
            `personal_session_required`"),
        (status = 404, description = "`api_key_not_found`")), security(("bearer" = [])))]
pub async fn revoke(
    State(app): State<App>,
    caller: Authenticated,
    Path(id): Path<ApiKeyId>,
) -> Result<StatusCode, Problem> {
    let owner = logged_in(&caller.claims, &caller.principal)?;
    let mut tx = caller.begin(&app.db).await?;
    let no_such_key = || Problem::not_found("api_key_not_found", "You have no such API key in this tenant.");
    let lived = store::revoke(&mut tx, owner, id, app.ambient.now()).await?.ok_or_else(no_such_key)?;
    if lived {
        audit::note(&mut tx, Entry::new("api_key.revoked", format!("api_key:{id}")));
    }
    tx.commit().await?;
    app.live_sessions.close(caller.tenant, SessionId(id.0)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Refuses permissions that the caller lacks. Each use asks again; this only spares the owner a key that cannot work.
async fn held(app: &App, caller: &Authenticated, permissions: &BTreeSet<String>) -> Result<(), Problem> {
    let mut missing = Vec::new();
    for permission in permissions {
        match app.access.admit(&caller.claims, Some(permission)).await {
            Ok(_) => {}
            Err(refused) if refused.status == StatusCode::FORBIDDEN => missing.push(permission.as_str()),
            Err(problem) => return Err(problem),
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(Problem::invalid(lacking(missing.into_iter()))) }
}
