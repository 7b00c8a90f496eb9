//! Endpoints to ask for a new password, and those behind the link in the mail. Known and unknown addresses get the same
//! answer in the same time.

use super::{
    choosing::{self, NewPassword, Reset},
    mailing,
    model::{ADDRESSES_A_SOURCE, Asked, BY_SOURCE, ResetRequest},
    store,
};
use crate::{
    app::App,
    body::{JsonOrForm, wants_html},
    opaque::{OpaqueToken, link_used},
    pages,
    registrations::routes::Accepted,
    throttle::Visitor,
};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use common::{
    db::Scoped,
    http::{Json, Path},
    problem::Problem,
    source::Source,
};

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
    let asked = request.check(&app.return_origins).map_err(Problem::invalid)?;
    let counted = [
        app.limiter.admit(&BY_SOURCE, source).await?,
        app.limiter.admit_for(&ADDRESSES_A_SOURCE, source, &asked.email.fingerprint()).await?,
    ];
    app.limiter.settle(counted, keep(&app, &asked).await).await?;
    Ok((StatusCode::ACCEPTED, Json(Accepted { status: "reset_sent" })))
}

/// To be looked at behind the answer.
async fn keep(app: &App, asked: &Asked) -> Result<(), Problem> {
    let mut tx = app.db.begin_tenantless().await?;
    store::insert(&mut tx, app.ambient.uuid(), asked, app.ambient.now()).await?;
    tx.wake(mailing::RESETS);
    Ok(tx.commit().await?)
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
    responses((status = 200, content((Reset = "application/json"), (String = "text/html")),
            headers(("Set-Cookie" = String))),
        (status = 409, description = "`password_changed`: somebody else did so at the same moment."),
        (status = 410, description = "`link_used`: the link was used, has expired, or never was one."),
        (status = 429, description = "`too_many_requests`: links from this network that do not work."),
        (status = 503, description = "`sessions_unconfirmed`: it is done, and the end of all sessions goes on by \
            itself.")),
    security(()))]
pub async fn set(
    State(app): State<App>,
    visitor: Visitor,
    Path(token): Path<String>,
    headers: HeaderMap,
    JsonOrForm(chosen): JsonOrForm<NewPassword>,
) -> Response {
    let token = OpaqueToken::shown(token);
    let reset = choosing::choose(&app, &token, chosen).await;
    let reset = app.throttle.unguessable(visitor.source, reset).await;
    // Whoever reads the mail is the owner: strangers' wrong passwords must not keep them out now.
    let device = reset.as_ref().ok().map(|reset| app.throttle.remember(&visitor, &reset.email));
    let answer = match (wants_html(&headers), reset) {
        (true, Ok(reset)) => pages::password_reset(&reset.email, reset.return_to.as_deref()),
        (true, Err(problem)) => form(&app, &token, Some(&problem)).await.into_response(),
        (false, reset) => reset.map(Json).into_response(),
    };
    (device, answer).into_response()
}

/// The page of the link, with what was wrong the last time.
async fn form(app: &App, token: &OpaqueToken, refusal: Option<&Problem>) -> Result<Response, Problem> {
    let mut conn = app.db.pool().acquire().await?;
    Ok(match store::find_open(&mut conn, token, app.ambient.now()).await? {
        Some(open) => pages::new_password(&open.email, refusal),
        None => pages::refused(refusal.unwrap_or(&link_used())),
    })
}
