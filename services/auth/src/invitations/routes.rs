//! How is somebody invited, and how do they answer?

use super::{
    joining::{self, Acceptance, Joined},
    store::{self, NewInvitation},
};
use crate::{
    accounts::routes::logged_in,
    app::App,
    body::{JsonOrForm, wants_html},
    mail,
    opaque::OpaqueToken,
    pages,
    registrations::{model, routes::link_used},
};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, TimeDelta, Utc};
use common::{
    access::Allowed,
    db,
    http::{Json, Path},
    problem::Problem,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

common::permissions! { pub InviteMembers = "auth.inviteMembers" }

/// People read mail after a holiday, too.
const LINK_LIFETIME: TimeDelta = TimeDelta::days(7);

#[derive(Deserialize, ToSchema)]
pub struct InvitationRequest {
    #[schema(format = Email, example = "bob@acme.test")]
    email: String,
}

#[derive(Serialize, ToSchema)]
pub struct Invited {
    id: Uuid,
    email: String,
    expires_at: DateTime<Utc>,
}

#[utoipa::path(post, path = "/v1/invitations", operation_id = "inviteMember", tag = "invitations", request_body = InvitationRequest,
    responses((status = 202, body = Invited), (status = 409, description = "`already_a_member`")), security(("bearer" = ["auth.inviteMembers"])))]
pub async fn invite(
    State(app): State<App>,
    caller: Allowed<InviteMembers>,
    Json(request): Json<InvitationRequest>,
) -> Result<(StatusCode, Json<Invited>), Problem> {
    let (inviter, mut faults) = (logged_in(&caller.claims, &caller.principal)?, Vec::new());
    let email = model::email("email", Some(&request.email), &mut faults).ok_or_else(|| Problem::invalid(faults))?;
    let (id, token, created_at) = (app.ambient.uuid(), OpaqueToken::new(&app.ambient), app.ambient.now());
    let expires_at = created_at + LINK_LIFETIME;
    let mut tx = db::begin(&app.pool, caller.tenant).await?;
    if store::is_member(&mut tx, caller.tenant, &email).await? {
        return Err(Problem::conflict("already_a_member", "This person belongs to the tenant already."));
    }
    let (tenant_name, inviter_name) = store::names(&mut tx, caller.tenant, inviter).await?.ok_or_else(not_a_member)?;
    let new = NewInvitation { id, tenant: caller.tenant, email: &email, invited_by: inviter, token: &token, created_at, expires_at };
    store::insert(&mut tx, &new).await?;
    let invitation = mail::invitation(&app.public_url, id, &email, &tenant_name, &inviter_name, &token);
    app.say(&mut tx, Some(caller.tenant), &invitation).await?;
    tx.commit().await?;
    Ok((StatusCode::ACCEPTED, Json(Invited { id, email: email.as_str().to_owned(), expires_at })))
}

#[utoipa::path(get, path = "/v1/invitations/{token}", operation_id = "showInvitation", tag = "invitations",
    params(("token" = String, Path, description = "From the link in the mail.")),
    responses((status = 200, body = String, content_type = "text/html"), (status = 410, description = "`link_used`", body = String, content_type = "text/html")),
    security(()))]
pub async fn show(State(app): State<App>, Path(token): Path<String>) -> Result<Response, Problem> {
    form(&app, &OpaqueToken::shown(token), None).await
}

#[utoipa::path(post, path = "/v1/invitations/{token}", operation_id = "acceptInvitation", tag = "invitations",
    params(("token" = String, Path, description = "From the link in the mail.")),
    request_body(content((Acceptance = "application/json"), (Acceptance = "application/x-www-form-urlencoded"))),
    responses((status = 201, body = Joined), (status = 401, description = "`credentials_wrong`: the address has an account with another password."),
        (status = 409, description = "`account_exists`: the address got an account meanwhile."),
        (status = 410, description = "`link_used`: the link was used, has expired, or never was one.")),
    security(()))]
pub async fn accept(State(app): State<App>, Path(token): Path<String>, headers: HeaderMap, JsonOrForm(acceptance): JsonOrForm<Acceptance>) -> Response {
    let token = OpaqueToken::shown(token);
    let joined = joining::join(&app, &token, acceptance).await;
    match (wants_html(&headers), joined) {
        (true, Ok(joined)) => pages::joined(&joined.tenant_name).into_response(),
        (true, Err(problem)) => form(&app, &token, Some(&problem)).await.into_response(),
        (false, joined) => joined.map(|joined| (StatusCode::CREATED, Json(joined))).into_response(),
    }
}

/// The page of the link, with what was wrong the last time.
async fn form(app: &App, token: &OpaqueToken, refusal: Option<&Problem>) -> Result<Response, Problem> {
    // Into which tenant it invites, only the link says.
    let mut tx = db::begin_platform(&app.pool).await?;
    Ok(match store::find_open(&mut tx, token, app.ambient.now()).await? {
        Some(invitation) => pages::invitation(&invitation.tenant_name, &invitation.email, refusal).into_response(),
        None => pages::refused(&link_used()).into_response(),
    })
}

fn not_a_member() -> Problem {
    Problem::forbidden("not_a_member", "You do not belong to this tenant any more.")
}
