//! Endpoints of passkeys: their enrolment, and the log-in by one alone.

use super::{
    listing::{self, PasskeyName},
    logging_in::{self, PasskeyLogIn},
    options::{CreationOptions, RequestOptions},
    registering::{self, AddedPasskey, NewPasskey},
    store::Passkey,
};
use crate::{
    accounts::routes::logged_in,
    app::App,
    factors::recent::Recent,
    logins::LogIn,
    sessions::routes::{Begun, NO_STORE, begun},
    throttle::Visitor,
};
use access::Authenticated;
use axum::{
    extract::State,
    http::{HeaderName, StatusCode, header},
};
use common::{
    http::{ETag, IfMatch, Json, Path},
    limit::Limit,
    problem::Problem,
    source::Source,
};
use std::time::Duration;
use uuid::Uuid;

/// Each makes a row that lives for minutes. A page of ours asks when it opens, and an office is one source.
pub const CHALLENGES: Limit = Limit { name: "passkey", most: 300, window: Duration::from_secs(600) };

type Shown<T> = ([(HeaderName, &'static str); 1], Json<T>);

#[utoipa::path(post, path = "/v1/sessions/passkey-options", operation_id = "beginPasskeyLogIn", tag = "sessions",
    responses((status = 200, body = RequestOptions),
        (status = 429, description = "`too_many_requests`: from this network.")),
    security(()))]
pub async fn begin_log_in(State(app): State<App>, source: Source) -> Result<Shown<RequestOptions>, Problem> {
    app.limiter.admit(&CHALLENGES, source).await?;
    Ok(([NO_STORE], Json(logging_in::begin(&app).await?)))
}

#[utoipa::path(post, path = "/v1/sessions/passkey", operation_id = "logInWithPasskey", tag = "sessions",
    request_body = PasskeyLogIn,
    responses((status = 201, body = LogIn, headers(("Set-Cookie" = String))),
        (status = 401, description = "`passkey_wrong`; `credentials_wrong`: the password was changed at the same \
            moment."),
        (status = 403, description = "`not_a_member`")),
    extensions(("x-no-idempotency-key" = json!("A challenge works once, and no tokens are kept."))),
    security(()))]
pub async fn log_in(
    State(app): State<App>,
    visitor: Visitor,
    Json(request): Json<PasskeyLogIn>,
) -> Result<Begun, Problem> {
    let (alive, user, tenant) = logging_in::log_in(&app, &request).await?;
    begun(&app, &visitor, alive, user, tenant).await
}

#[utoipa::path(post, path = "/v1/me/second-factors/passkeys/options", operation_id = "beginPasskey",
    tag = "second factors",
    responses((status = 200, body = CreationOptions),
        (status = 401, description = "`insufficient_user_authentication`"),
        (status = 403, description = "`people_only`, `user_session_required`, \
            `personal_session_required`"),
        (status = 404, description = "`user_not_found`"),
        (status = 409, description = "`too_many_passkeys`"),
        (status = 429, description = "`too_many_requests`: from this network.")),
    security(("bearer" = [])))]
pub async fn begin(State(app): State<App>, caller: Recent) -> Result<Shown<CreationOptions>, Problem> {
    Ok(([NO_STORE], Json(registering::begin(&app, &caller).await?)))
}

#[utoipa::path(post, path = "/v1/me/second-factors/passkeys", operation_id = "addPasskey", tag = "second factors",
    request_body = NewPasskey,
    responses((status = 201, body = AddedPasskey),
        (status = 401, description = "`insufficient_user_authentication`"),
        (status = 403, description = "`people_only`, `user_session_required`, \
            `personal_session_required`"),
        (status = 404, description = "`user_not_found`"),
        (status = 409, description = "`passkey_exists`, `too_many_passkeys`"),
        (status = 410, description = "`passkey_challenge_over`"),
        (status = 429, description = "`too_many_requests`: from this network."),
        (status = 503, description = "`sessions_unconfirmed`: it is done, and the end of other sessions goes on by \
            itself. Make new recovery codes, as nobody has seen these.")),
    extensions(("x-no-idempotency-key" = json!("A challenge works once, and so does a key."))),
    security(("bearer" = [])))]
pub async fn add(
    State(app): State<App>,
    caller: Recent,
    Json(new): Json<NewPasskey>,
) -> Result<(StatusCode, [(HeaderName, String); 2], Json<AddedPasskey>), Problem> {
    let added = registering::add(&app, &caller, new).await?;
    let location = format!("/v1/me/second-factors/passkeys/{}", added.passkey.id);
    let headers = [(header::LOCATION, location), (NO_STORE.0, NO_STORE.1.to_owned())];
    Ok((StatusCode::CREATED, headers, Json(added)))
}

#[utoipa::path(get, path = "/v1/me/second-factors/passkeys/{id}", operation_id = "getPasskey", tag = "second factors",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Passkey, headers(("ETag" = String))),
        (status = 403, description = "`people_only`, `user_session_required`, \
            `personal_session_required`"),
        (status = 404, description = "`passkey_not_found`")),
    security(("bearer" = [])))]
pub async fn show(
    State(app): State<App>,
    caller: Authenticated,
    Path(id): Path<Uuid>,
) -> Result<(ETag, Json<Passkey>), Problem> {
    let passkey = listing::find(&app, logged_in(&caller.claims, &caller.principal)?, id).await?;
    Ok((ETag(passkey.revision), Json(passkey)))
}

#[utoipa::path(put, path = "/v1/me/second-factors/passkeys/{id}", operation_id = "renamePasskey",
    tag = "second factors", request_body = PasskeyName,
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "The `ETag` of the passkey that was read, \
        or `*`.")),
    responses((status = 200, body = Passkey, headers(("ETag" = String))),
        (status = 403, description = "`people_only`, `user_session_required`, \
            `personal_session_required`"),
        (status = 404, description = "`passkey_not_found`"),
        (status = 412, description = "`passkey_edited`: somebody else has edited it since."),
        (status = 428, description = "`if_match_missing`")),
    security(("bearer" = [])))]
pub async fn rename(
    State(app): State<App>,
    caller: Authenticated,
    Path(id): Path<Uuid>,
    read: IfMatch,
    Json(named): Json<PasskeyName>,
) -> Result<(ETag, Json<Passkey>), Problem> {
    let user = logged_in(&caller.claims, &caller.principal)?;
    let passkey = listing::rename(&app, user, id, &read, named).await?;
    Ok((ETag(passkey.revision), Json(passkey)))
}

#[utoipa::path(delete, path = "/v1/me/second-factors/passkeys/{id}", operation_id = "removePasskey",
    tag = "second factors", params(("id" = Uuid, Path)),
    responses((status = 204),
        (status = 401, description = "`insufficient_user_authentication`"),
        (status = 403, description = "`people_only`, `user_session_required`, \
            `personal_session_required`"),
        (status = 404, description = "`passkey_not_found`, `user_not_found`"),
        (status = 429, description = "`too_many_requests`: from this network."),
        (status = 503, description = "`sessions_unconfirmed`: it is done, and goes on by itself.")),
    security(("bearer" = [])))]
pub async fn remove(State(app): State<App>, caller: Recent, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    registering::remove(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
