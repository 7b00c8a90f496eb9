//! Endpoints to ask for a new password, and those behind the link in the mail. Known and unknown addresses get the same
//! answer in the same time.

use super::{
    mailing,
    store::{self, Open},
};
use crate::{
    accounts::store as accounts,
    app::App,
    body::{JsonOrForm, wants_html},
    opaque::{OpaqueToken, link_used},
    pages,
    passwords::changing,
    registrations::{model, routes::Accepted},
    sessions::ending,
};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use common::{
    db::Scoped,
    http::{Json, Path},
    limit::Limit,
    problem::Problem,
    source::Source,
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;

/// A classroom behind one address may forget.
const BY_SOURCE: Limit = Limit { name: "reset", most: 30, window: HOUR };
/// Who does not find the mail asks again.
const ADDRESSES_A_SOURCE: Limit = Limit { name: "reset-address", most: 4, window: HOUR };
const HOUR: Duration = Duration::from_secs(3600);

#[derive(Deserialize, ToSchema)]
pub struct ResetRequest {
    #[schema(format = Email, example = "ada@acme.test")]
    email: String,
    /// Where the page that takes the new password leads on to: a page of a frontend that may call this service.
    #[serde(default)]
    #[schema(format = "uri", example = "https://app.example.com/sign-in")]
    return_to: Option<String>,
}

/// Body of `POST /v1/password-resets/{token}`, as JSON or as a form.
#[derive(Deserialize, ToSchema)]
pub struct NewPassword {
    /// At least 15 characters, none of the commonest passwords, without the address or the name of a tenant.
    #[schema(value_type = String, format = Password, min_length = 15, max_length = 256,
        example = "eight leagues, uphill")]
    new_password: SecretString,
}

#[derive(Serialize, ToSchema)]
pub struct Reset {
    /// Whose password it is.
    #[schema(format = Email, example = "ada@acme.test")]
    email: String,
    #[serde(skip)]
    return_to: Option<String>,
}

#[utoipa::path(post, path = "/v1/password-resets", operation_id = "askForPasswordReset", tag = "registration",
    request_body = ResetRequest,
    responses((status = 202, body = Accepted),
        (status = 429, description = "`too_many_requests`: from this network.")),
    extensions(("x-no-idempotency-key" = json!("A repetition mails another link, and each of them works."))),
    security(()))]
pub async fn ask(
    State(app): State<App>,
    source: Source,
    Json(request): Json<ResetRequest>,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    let mut faults = Vec::new();
    let email = model::email("email", Some(&request.email), &mut faults);
    let return_to = app.return_origins.read(request.return_to.as_deref(), &mut faults);
    let email = email.filter(|_| faults.is_empty()).ok_or_else(|| Problem::invalid(faults))?;
    app.limiter.admit(&BY_SOURCE, source).await?;
    app.limiter.admit_for(&ADDRESSES_A_SOURCE, source, &email.fingerprint()).await?;
    let mut tx = app.db.begin_tenantless().await?;
    store::insert(&mut tx, app.ambient.uuid(), &email, return_to.as_ref(), app.ambient.now()).await?;
    tx.wake(mailing::RESETS);
    tx.commit().await?;
    Ok((StatusCode::ACCEPTED, Json(Accepted { status: "reset_sent" })))
}

#[utoipa::path(get, path = "/v1/password-resets/{token}", operation_id = "showPasswordReset", tag = "registration",
    params(("token" = String, Path, description = "From the link in the mail.")),
    responses((status = 200, body = String, content_type = "text/html"),
        (status = 410, description = "`link_used`", body = String, content_type = "text/html")),
    security(()))]
pub async fn show(State(app): State<App>, Path(token): Path<String>) -> Result<Response, Problem> {
    form(&app, &OpaqueToken::shown(token), None).await
}

#[utoipa::path(post, path = "/v1/password-resets/{token}", operation_id = "resetPassword", tag = "registration",
    params(("token" = String, Path, description = "From the link in the mail.")),
    request_body(content((NewPassword = "application/json"), (NewPassword = "application/x-www-form-urlencoded"))),
    responses((status = 200, content((Reset = "application/json"), (String = "text/html"))),
        (status = 409, description = "`password_changed`: somebody else did so at the same moment."),
        (status = 410, description = "`link_used`: the link was used, has expired, or never was one."),
        (status = 503, description = "`sessions_unconfirmed`: it is done, and the end of all sessions goes on by \
            itself.")),
    security(()))]
pub async fn set(
    State(app): State<App>,
    Path(token): Path<String>,
    headers: HeaderMap,
    JsonOrForm(given): JsonOrForm<NewPassword>,
) -> Response {
    let token = OpaqueToken::shown(token);
    let reset = reset(&app, &token, &given.new_password).await;
    match (wants_html(&headers), reset) {
        (true, Ok(reset)) => pages::password_reset(&reset.email, reset.return_to.as_deref()),
        (true, Err(problem)) => form(&app, &token, Some(&problem)).await.into_response(),
        (false, reset) => reset.map(Json).into_response(),
    }
}

/// The link proves the address, and nothing more is asked for; all sessions end.
async fn reset(app: &App, token: &OpaqueToken, new: &SecretString) -> Result<Reset, Problem> {
    let now = app.ambient.now();
    let open = store::find_open(&mut *app.db.pool().acquire().await?, token, now).await?.ok_or_else(link_used)?;
    let email = open.email.parse().map_err(|fault| Problem::internal(&fault))?;
    let user = accounts::find_user_by_email(&mut *app.db.pool().acquire().await?, &email).await?;
    let user = user.ok_or_else(link_used)?;
    changing::check(app, &user, new).await?;
    let new_hash = app.hasher.hash(new).await?;
    let mut tx = ending::begin(app).await?;
    // The user first, as whoever changes the password does.
    accounts::lock_user(&mut tx, user.id).await?;
    if !store::use_up(&mut tx, &open, now).await? {
        return Err(link_used());
    }
    let ended = changing::write(&mut tx, app, &user, &new_hash, None).await?;
    tx.commit().await?;
    ending::tell(app, &ended).await?;
    let Open { email, return_to, .. } = open;
    Ok(Reset { email, return_to })
}

/// The page of the link, with what was wrong the last time.
async fn form(app: &App, token: &OpaqueToken, refusal: Option<&Problem>) -> Result<Response, Problem> {
    let mut conn = app.db.pool().acquire().await?;
    Ok(match store::find_open(&mut conn, token, app.ambient.now()).await? {
        Some(open) => pages::new_password(&open.email, refusal),
        None => pages::refused(refusal.unwrap_or(&link_used())),
    })
}
