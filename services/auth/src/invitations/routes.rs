//! Endpoints to invite somebody, and those behind the link in the mail.

use super::{
    entries, inviting,
    joining::{self, Acceptance, Joined},
    model::OpenInvitation,
    store,
};
use crate::{
    accounts::routes::signed_in,
    app::App,
    authority,
    body::{JsonOrForm, wants_html},
    opaque::{OpaqueToken, link_used},
    pages,
    registrations::model,
    throttle::Visitor,
};
use access::Allowed;
use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use common::{
    http::{Json, Path, Query},
    page::{Page, PageQuery},
    problem::Problem,
};
use contracts::http::authority::Subject;
use idempotency::Creating;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

access::permissions! { pub InviteMembers = "auth.inviteMembers" }

#[derive(Deserialize, ToSchema)]
pub struct InvitationRequest {
    #[schema(format = Email, example = "bob@acme.test")]
    email: String,
    /// Where the page that joins the tenant leads on to: a page of a frontend that may call this service.
    #[serde(default)]
    #[schema(format = "uri", example = "https://app.example.com/welcome")]
    return_to: Option<String>,
}

#[utoipa::path(get, path = "/v1/invitations", operation_id = "listInvitations", tag = "invitations", params(PageQuery),
    responses((status = 200, body = Page<OpenInvitation>)), security(("bearer" = ["auth.inviteMembers"])))]
pub async fn list(
    State(app): State<App>,
    caller: Allowed<InviteMembers>,
    Query(query): Query<PageQuery>,
) -> Result<Page<OpenInvitation>, Problem> {
    let page = query.check()?;
    let mut tx = caller.begin(&app.db).await?;
    let open = store::list(&mut tx, app.ambient.now(), page).await?;
    Ok(Page::cut(open, page, |invitation| invitation.id))
}

#[utoipa::path(post, path = "/v1/invitations", operation_id = "inviteMember", tag = "invitations",
    request_body = InvitationRequest,
    responses((status = 202, body = OpenInvitation, headers(("RateLimit-Limit" = String), ("RateLimit-Remaining" = i64),
            ("RateLimit-Reset" = i64))),
        (status = 409, description = "`already_a_member`, `invitations_refused`, `too_many_open_invitations`"),
        (status = 403, description = "`permission_missing`, `people_only`, `user_session_required`, `not_a_member`, \
                                      or `escalation`: the caller lacks some of what every member has."),
        (status = 429, description = "`too_many_invitations`: of this tenant, or of this tenant to this address.")),
    security(("bearer" = ["auth.inviteMembers"])))]
pub async fn invite(
    State(app): State<App>,
    caller: Allowed<InviteMembers>,
    Creating(Json(request), mut once): Creating<Json<InvitationRequest>>,
) -> Result<Response, Problem> {
    let (inviter, mut faults) = (signed_in(&caller.claims, &caller.principal)?, Vec::new());
    authority::refuse_excess(&app, &caller, Subject::role("member")).await?;
    let email = model::email("email", Some(&request.email), &mut faults);
    let return_to = app.return_origins.read(request.return_to.as_deref(), &mut faults);
    let email = email.filter(|_| faults.is_empty()).ok_or_else(|| Problem::invalid(faults))?;
    let mut tx = caller.begin(&app.db).await?;
    if let Some(earlier) = once.begin(&mut tx, &caller).await? {
        return Ok(earlier);
    }
    let (open, left) = inviting::invite(&app, &mut tx, inviter, &email, return_to).await?;
    let answer = once.remember(&mut tx, (StatusCode::ACCEPTED, Json(open))).await?;
    tx.commit().await?;
    Ok(match left {
        Some(left) => (left.headers(), answer).into_response(),
        None => answer,
    })
}

#[utoipa::path(delete, path = "/v1/invitations/{invitation}", operation_id = "withdrawInvitation", tag = "invitations",
    params(("invitation" = Uuid, Path, description = "Its id.")), responses((status = 204),
        (status = 404, description = "`invitation_not_found`")),
    security(("bearer" = ["auth.inviteMembers"])))]
pub async fn withdraw(
    State(app): State<App>,
    caller: Allowed<InviteMembers>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    let mut tx = caller.begin(&app.db).await?;
    if !store::withdraw(&mut tx, id, app.ambient.now()).await? {
        return Err(Problem::not_found("invitation_not_found", "The tenant has no such invitation that is open."));
    }
    audit::note(&mut tx, entries::withdrawn(id));
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(get, path = "/v1/invitations/{invitation}", operation_id = "showInvitation", tag = "invitations",
    params(("invitation" = String, Path, description = "From the link in the mail.")),
    responses((status = 200, body = String, content_type = "text/html"),
        (status = 410, description = "`link_used`", body = String, content_type = "text/html")),
    security(()))]
pub async fn show(State(app): State<App>, Path(token): Path<String>) -> Result<Response, Problem> {
    form(&app, &OpaqueToken::shown(token), None).await
}

#[utoipa::path(post, path = "/v1/invitations/{invitation}", operation_id = "acceptInvitation", tag = "invitations",
    params(("invitation" = String, Path, description = "From the link in the mail.")),
    request_body(content((Acceptance = "application/json"), (Acceptance = "application/x-www-form-urlencoded"))),
    responses((status = 201, content((Joined = "application/json"), (String = "text/html"))),
        (status = 401, description = "`credentials_wrong`: the address has an \
        account with another password."),
        (status = 409, description = "`account_exists`: the address got an account meanwhile."),
        (status = 410, description = "`link_used`: the link was used, has expired, or never was one."),
        (status = 429, description = "`too_many_requests`: wrong passwords of this account or from this network, or \
                                      links from this network that do not work.")),
    security(()))]
pub async fn accept(
    State(app): State<App>,
    visitor: Visitor,
    Path(token): Path<String>,
    headers: HeaderMap,
    Creating(JsonOrForm(acceptance), once): Creating<JsonOrForm<Acceptance>>,
) -> Response {
    let (token, html) = (OpaqueToken::shown(token), wants_html(&headers));
    let joined = joining::join(&app, &visitor, &token, acceptance, once, if html { page } else { made }).await;
    match app.throttle.unguessable(visitor.source, joined).await {
        Err(problem) if html => form(&app, &token, Some(&problem)).await.into_response(),
        joined => joined.into_response(),
    }
}

fn page(joined: Joined) -> Response {
    (location(&joined), pages::joined(&joined.tenant_name, joined.return_to.as_deref())).into_response()
}

fn made(joined: Joined) -> Response {
    (StatusCode::CREATED, location(&joined), Json(joined)).into_response()
}

fn location(joined: &Joined) -> [(HeaderName, String); 1] {
    [(header::LOCATION, format!("/v1/members/{}", joined.user_id))]
}

/// The page of the link, with what was wrong the last time.
async fn form(app: &App, token: &OpaqueToken, refusal: Option<&Problem>) -> Result<Response, Problem> {
    // Into which tenant it invites, only the link says.
    let mut lookup = app.db.begin_lookup().await?;
    let Some(invitation) = store::find_open(&mut lookup, token, app.ambient.now()).await? else {
        return Ok(pages::refused(&link_used()));
    };
    let refuse = app.refusal_links.make(&app.ambient, invitation.tenant_id, &invitation.email);
    Ok(pages::invitation(&invitation, &refuse, refusal))
}
