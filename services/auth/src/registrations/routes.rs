//! Endpoints to register, and those behind the link in the mail. Known and unknown addresses get the same answer; the
//! mail makes the difference.

use super::{
    confirming::{self, Confirmation, Verified},
    model::{ADDRESSES_A_SOURCE, BY_SOURCE, Registration, RegistrationRequest},
    store,
};
use crate::{
    accounts::store as accounts,
    app::App,
    body::{JsonOrForm, wants_html},
    mail, mail_rate,
    opaque::{OpaqueToken, link_used},
    pages,
    throttle::Visitor,
};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use common::{
    db::TenantlessTx,
    http::{Json, Path},
    problem::Problem,
    source::Source,
};
use idempotency::{Creating, Once, Scope};
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub struct Accepted {
    #[schema(example = "verification_sent")]
    pub status: &'static str,
}

#[utoipa::path(post, path = "/v1/users", operation_id = "registerUser", tag = "registration",
    request_body = RegistrationRequest,
    responses((status = 202, body = Accepted),
        (status = 429, description = "`too_many_requests`: from this network.")), security(()))]
pub async fn register(
    State(app): State<App>,
    source: Source,
    Creating(Json(request), once): Creating<Json<RegistrationRequest>>,
) -> Result<Response, Problem> {
    let asked = request.check(&app.return_origins).map_err(Problem::invalid)?;
    if let Some(earlier) = earlier(&app, &once).await? {
        return Ok(earlier);
    }
    let by_source = app.limiter.admit(&BY_SOURCE, source).await?;
    app.leaked_passwords.refuse("password", &asked.password).await?;
    let address = asked.email.fingerprint();
    let counted = [by_source, app.limiter.admit_for(&ADDRESSES_A_SOURCE, source, &address).await?];
    app.limiter.settle(counted, accept(&app, &asked, once, source).await).await
}

async fn accept(app: &App, asked: &Registration, mut once: Once, source: Source) -> Result<Response, Problem> {
    // Also for a known address, so that the time tells nothing.
    let hash = app.hasher.hash(&asked.password).await?;
    let mut tx = app.db.begin_tenantless().await?;
    if let Some(earlier) = once.begin(&mut tx, Scope::Public).await? {
        return Ok(earlier);
    }
    keep(&mut tx, app, asked, &hash, source).await?;
    let accepted = Json(Accepted { status: "verification_sent" });
    let answer = once.remember(&mut tx, (StatusCode::ACCEPTED, accepted)).await?;
    tx.commit().await?;
    Ok(answer)
}

/// What the same request was answered; whoever lost that answer asks for nothing more, and no limit is theirs.
async fn earlier(app: &App, once: &Once) -> Result<Option<Response>, Problem> {
    if !once.is_keyed() {
        return Ok(None);
    }
    let mut lookup = app.db.begin_lookup().await?;
    once.earlier(&mut lookup, Scope::Public, app.ambient.now()).await
}

/// Keeps what was asked for, and orders a mail, now or when its turn comes. Nobody gets the link to a known address;
/// the same is written for it nevertheless, as the time would tell.
async fn keep(
    tx: &mut TenantlessTx,
    app: &App,
    asked: &Registration,
    password_hash: &str,
    source: Source,
) -> Result<(), Problem> {
    let (id, token, now) = (app.ambient.uuid(), OpaqueToken::new(&app.ambient), app.ambient.now());
    let goes = mail_rate::VERIFICATIONS.take(tx, &app.ambient, asked.email.as_str()).await?;
    let known = accounts::find_user_by_email(tx, &asked.email).await?;
    let mail_waits = !goes && known.is_none();
    store::insert(tx, &store::New { id, asked, password_hash, token: &token, source, mail_waits, now }).await?;
    if !goes {
        tracing::info!("An address has had many mails; this one waits for its turn");
        return Ok(());
    }
    let mail = match known {
        Some(user) => mail::account_exists(&app.public_url, asked.return_to.as_ref(), user.id, &user.email, now),
        None => {
            let (display_name, tenant_name) = (asked.display_name.as_str(), asked.tenant_name.as_str());
            let registration = mail::registration(&app.public_url, display_name, tenant_name, &token);
            mail::verify_email(id, asked.email.as_str(), registration, Vec::new(), now)
        }
    };
    messaging::publish(tx, &mail).await?;
    Ok(())
}

#[utoipa::path(get, path = "/v1/email-verifications/{token}", operation_id = "showEmailVerification",
    tag = "registration",
    params(("token" = String, Path, description = "From the link in the mail.")),
    responses((status = 200, body = String, content_type = "text/html"),
        (status = 410, description = "`link_used`", body = String, content_type = "text/html")),
    security(()))]
pub async fn show(State(app): State<App>, Path(token): Path<String>) -> Result<Response, Problem> {
    form(&app, &OpaqueToken::shown(token), None).await
}

#[utoipa::path(post, path = "/v1/email-verifications/{token}", operation_id = "verifyEmail", tag = "registration",
    params(("token" = String, Path, description = "From the link in the mail.")),
    request_body(content((Confirmation = "application/json"), (Confirmation = "application/x-www-form-urlencoded"))),
    responses((status = 200, content((Verified = "application/json"), (String = "text/html")),
            headers(("Set-Cookie" = String))),
        (status = 401, description = "`credentials_wrong`: it is not the \
        password of this registration."),
        (status = 410, description = "`link_used`: the link was used, has expired, had too many wrong passwords, or \
                                      never was one."),
        (status = 429, description = "`too_many_requests`: wrong passwords or links from this network.")),
    security(()))]
pub async fn verify(
    State(app): State<App>,
    visitor: Visitor,
    Path(token): Path<String>,
    headers: HeaderMap,
    JsonOrForm(confirmation): JsonOrForm<Confirmation>,
) -> Response {
    let token = OpaqueToken::shown(token);
    let verified = confirming::confirm(&app, &token, confirmation).await;
    let verified = app.throttle.unguessable(visitor.source, verified).await;
    let device = verified.as_ref().ok().map(|verified| app.throttle.remember(&visitor, &verified.email));
    let answer = match (wants_html(&headers), verified) {
        (true, Ok(verified)) => pages::address_confirmed(&verified.email, verified.return_to.as_deref()),
        (true, Err(problem)) => form(&app, &token, Some(&problem)).await.into_response(),
        (false, verified) => verified.map(Json).into_response(),
    };
    (device, answer).into_response()
}

#[utoipa::path(post, path = "/v1/email-verifications/{token}/rejection", operation_id = "rejectRegistration",
    tag = "registration",
    params(("token" = String, Path, description = "From the link in the mail.")),
    responses((status = 204, description = "The registration is deleted."),
        (status = 200, description = "The same, as a page for browsers.", body = String, content_type = "text/html"),
        (status = 410, description = "`link_used`")), security(()))]
pub async fn reject(State(app): State<App>, Path(token): Path<String>, headers: HeaderMap) -> Response {
    let rejected = confirming::reject(&app, &OpaqueToken::shown(token)).await;
    match (wants_html(&headers), rejected) {
        (true, Ok(())) => pages::registration_rejected(),
        (true, Err(problem)) => pages::refused(&problem),
        (false, rejected) => rejected.map(|()| StatusCode::NO_CONTENT).into_response(),
    }
}

/// The page of the link, with what was wrong the last time.
async fn form(app: &App, token: &OpaqueToken, refusal: Option<&Problem>) -> Result<Response, Problem> {
    let mut conn = app.db.pool().acquire().await?;
    Ok(match store::find_open(&mut conn, token, app.ambient.now()).await? {
        Some(open) => pages::confirm_address(&open, token, refusal),
        None => pages::refused(&link_used()),
    })
}
