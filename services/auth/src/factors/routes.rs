//! Endpoints by which people see and change their second factors.

use super::{
    changing,
    enrolling::{self, NewTotp, RecoveryCodes, TotpConfirmation},
    listing::{self, SecondFactors},
    recent::Recent,
};
use crate::{accounts::routes::logged_in, app::App, sessions::routes::NO_STORE};
use access::Authenticated;
use axum::{
    extract::State,
    http::{HeaderName, StatusCode},
};
use common::{http::Json, problem::Problem};

/// Secrets that are shown once stay in no cache.
type Shown<T> = ([(HeaderName, &'static str); 1], Json<T>);

#[utoipa::path(get, path = "/v1/me/second-factors", operation_id = "listSecondFactors", tag = "second factors",
    responses((status = 200, body = SecondFactors),
        (status = 403, description = "`people_only`, `user_session_required`, \
            `personal_session_required`")),
    security(("bearer" = [])))]
pub async fn list(State(app): State<App>, caller: Authenticated) -> Result<Json<SecondFactors>, Problem> {
    let user = logged_in(&caller.claims, &caller.principal)?;
    Ok(Json(listing::list(&mut *app.db.pool().acquire().await?, user).await?))
}

#[utoipa::path(post, path = "/v1/me/second-factors/totp", operation_id = "beginTotp", tag = "second factors",
    responses((status = 200, body = NewTotp),
        (status = 401, description = "`insufficient_user_authentication`"),
        (status = 403, description = "`people_only`, `user_session_required`, \
            `personal_session_required`"),
        (status = 404, description = "`user_not_found`"),
        (status = 409, description = "`totp_exists`"),
        (status = 429, description = "`too_many_requests`: from this network.")),
    security(("bearer" = [])))]
pub async fn begin_totp(State(app): State<App>, caller: Recent) -> Result<Shown<NewTotp>, Problem> {
    let (mut tx, user) = changing::begin(&app, caller.user).await?;
    let begun = enrolling::begin_totp(&mut tx, &app, &user).await?;
    tx.commit().await?;
    Ok(([NO_STORE], Json(begun)))
}

#[utoipa::path(post, path = "/v1/me/second-factors/totp/confirmation", operation_id = "confirmTotp",
    tag = "second factors", request_body = TotpConfirmation,
    responses((status = 200, body = RecoveryCodes),
        (status = 401, description = "`insufficient_user_authentication`"),
        (status = 403, description = "`people_only`, `user_session_required`, \
            `personal_session_required`"),
        (status = 404, description = "`user_not_found`"),
        (status = 409, description = "`totp_not_begun`"),
        (status = 429, description = "`too_many_requests`: from this network."),
        (status = 503, description = "`sessions_unconfirmed`: it is done, and the end of other sessions goes on by \
            itself. Make new recovery codes, as nobody has seen these.")),
    security(("bearer" = [])))]
pub async fn confirm_totp(
    State(app): State<App>,
    caller: Recent,
    Json(shown): Json<TotpConfirmation>,
) -> Result<Shown<RecoveryCodes>, Problem> {
    let codes = enrolling::add_totp(&app, caller.user, caller.session, &shown.code).await?;
    Ok(([NO_STORE], Json(codes)))
}

#[utoipa::path(delete, path = "/v1/me/second-factors/totp", operation_id = "removeTotp", tag = "second factors",
    responses((status = 204),
        (status = 401, description = "`insufficient_user_authentication`"),
        (status = 403, description = "`people_only`, `user_session_required`, \
            `personal_session_required`"),
        (status = 404, description = "`totp_not_found`, `user_not_found`"),
        (status = 429, description = "`too_many_requests`: from this network."),
        (status = 503, description = "`sessions_unconfirmed`: it is done, and goes on by itself.")),
    security(("bearer" = [])))]
pub async fn remove_totp(State(app): State<App>, caller: Recent) -> Result<StatusCode, Problem> {
    enrolling::remove_totp(&app, caller.user, caller.session).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(post, path = "/v1/me/second-factors/recovery-codes", operation_id = "makeRecoveryCodes",
    tag = "second factors",
    responses((status = 200, body = RecoveryCodes),
        (status = 401, description = "`insufficient_user_authentication`"),
        (status = 403, description = "`people_only`, `user_session_required`, \
            `personal_session_required`"),
        (status = 404, description = "`user_not_found`"),
        (status = 409, description = "`no_second_factor`"),
        (status = 429, description = "`too_many_requests`: from this network."),
        (status = 503, description = "`sessions_unconfirmed`: it is done, and the end of other sessions goes on by \
            itself. Make new ones, as nobody has seen these.")),
    security(("bearer" = [])))]
pub async fn make_recovery_codes(State(app): State<App>, caller: Recent) -> Result<Shown<RecoveryCodes>, Problem> {
    let codes = enrolling::remake_codes(&app, caller.user, caller.session).await?;
    Ok(([NO_STORE], Json(codes)))
}
