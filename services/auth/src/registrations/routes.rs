//! How does a stranger register? Known and unknown addresses get the same answer; the mail makes the difference.

use super::{
    model::{LINK_LIFETIME, Registration, RegistrationRequest},
    store,
};
use crate::{
    accounts::store::{self as accounts, ADDRESS_TAKEN, User},
    app::App,
    body::wants_html,
    mail,
    opaque::OpaqueToken,
    pages,
};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use common::{
    db,
    http::{Json, Path},
    problem::{Problem, constraint},
};
use contracts::{
    id::{TenantId, UserId},
    messages::{TenantCreated, TenantKind},
};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub struct Accepted {
    #[schema(example = "verification_sent")]
    status: &'static str,
}

#[derive(Serialize, ToSchema)]
pub struct Verified {
    user_id: UserId,
    tenant_id: TenantId,
    email: String,
}

#[utoipa::path(post, path = "/v1/users", operation_id = "registerUser", tag = "registration", request_body = RegistrationRequest,
    responses((status = 202, body = Accepted)), security(()))]
pub async fn register(State(app): State<App>, Json(request): Json<RegistrationRequest>) -> Result<(StatusCode, Json<Accepted>), Problem> {
    let asked = request.check().map_err(Problem::invalid)?;
    // Also for a known address, so that the time tells nothing.
    let hash = app.hasher.hash(&asked.password).await?;
    let mut tx = app.pool.begin().await?;
    match accounts::find_user_by_email(&mut tx, &asked.email).await? {
        Some(user) => {
            let notice = mail::account_exists(&app.public_url, user.id, &user.email, app.ambient.now());
            app.say(&mut tx, None, &notice).await?;
        }
        None => send_link(&mut tx, &app, &asked, &hash).await?,
    }
    tx.commit().await?;
    Ok((StatusCode::ACCEPTED, Json(Accepted { status: "verification_sent" })))
}

async fn send_link(conn: &mut PgConnection, app: &App, asked: &Registration, hash: &str) -> Result<(), Problem> {
    let (id, token) = (app.ambient.uuid(), OpaqueToken::new(&app.ambient));
    if !store::insert(conn, id, asked, hash, &token, app.ambient.now()).await? {
        tracing::info!("an address has as many open registrations as it may have; no mail is sent");
        return Ok(());
    }
    let link = mail::verify_email(&app.public_url, id, &asked.email, &asked.display_name, &token, LINK_LIFETIME.num_minutes());
    app.say(conn, None, &link).await
}

#[utoipa::path(get, path = "/v1/email-verifications/{token}", operation_id = "showEmailVerification", tag = "registration",
    params(("token" = String, Path, description = "From the link in the mail.")),
    responses((status = 200, body = String, content_type = "text/html"), (status = 410, description = "`link_used`", body = String, content_type = "text/html")),
    security(()))]
pub async fn show(State(app): State<App>, Path(token): Path<String>) -> Result<Response, Problem> {
    let mut conn = app.pool.acquire().await?;
    let open = store::is_open(&mut conn, &OpaqueToken::shown(token), app.ambient.now()).await?;
    Ok(if open { pages::confirm_address() } else { pages::refused(&link_used()) }.into_response())
}

#[utoipa::path(post, path = "/v1/email-verifications/{token}", operation_id = "verifyEmail", tag = "registration",
    params(("token" = String, Path, description = "From the link in the mail.")),
    responses((status = 200, body = Verified), (status = 410, description = "`link_used`: the link was used, has expired, or never was one.")), security(()))]
pub async fn verify(State(app): State<App>, Path(token): Path<String>, headers: HeaderMap) -> Response {
    let verified = make_account(&app, &OpaqueToken::shown(token)).await;
    match (wants_html(&headers), verified) {
        (true, Ok(verified)) => pages::address_confirmed(&verified.email).into_response(),
        (true, Err(problem)) => pages::refused(&problem).into_response(),
        (false, verified) => verified.map(Json).into_response(),
    }
}

/// User, tenant, membership and the news of them, in the transaction that uses the link up.
async fn make_account(app: &App, token: &OpaqueToken) -> Result<Verified, Problem> {
    let now = app.ambient.now();
    let (user_id, tenant_id) = (UserId(app.ambient.uuid()), TenantId(app.ambient.uuid()));
    let mut tx = db::begin(&app.pool, tenant_id).await?;
    let confirmed = store::consume(&mut tx, token, now).await?.ok_or_else(link_used)?;
    let tenant_name = confirmed.tenant_name.parse().map_err(|fault| Problem::internal(&fault))?;
    let user = User { id: user_id, email: confirmed.email, display_name: confirmed.display_name, password_hash: confirmed.password_hash };
    accounts::insert_user(&mut tx, &user, now).await.map_err(taken)?;
    accounts::insert_tenant(&mut tx, tenant_id, &tenant_name, TenantKind::Customer, now).await?;
    accounts::join(&mut tx, app.ambient.uuid(), tenant_id, user_id, now).await?;
    let created = TenantCreated { tenant_id, name: confirmed.tenant_name, kind: TenantKind::Customer, owner_user_id: user_id, owner_email: user.email.clone() };
    app.say(&mut tx, Some(tenant_id), &created).await?;
    tx.commit().await?;
    Ok(Verified { user_id, tenant_id, email: user.email })
}

/// Whoever registered twice has an account by the first of the two links.
fn taken(error: sqlx::Error) -> Problem {
    if constraint(&error) == Some(ADDRESS_TAKEN) { link_used() } else { error.into() }
}

/// What a used, an expired and an unknown link answer: which of them it is, is nobody's business.
pub fn link_used() -> Problem {
    Problem::gone("link_used", "The link was used already, or it has expired. Ask for a new one.")
}
