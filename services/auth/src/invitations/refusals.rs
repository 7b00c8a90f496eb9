//! Pages behind a link to refuse invitations, by which an address gets no more of them.

use super::{entries, model::Senders, refusal_links::Whose, refusal_store};
use crate::{
    accounts::store as accounts,
    app::App,
    body::{OptionalJsonOrForm, wants_html},
    mail_rate,
    opaque::link_used,
    pages,
};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use common::{db::CrossTenantTx, http::Path, limit::Limit, problem::Problem, source::Source};
use serde::Deserialize;
use std::time::Duration;
use utoipa::ToSchema;

/// Of one address from one network: each is written down, and whoever has the link could go back and forth.
const CHANGES: Limit = Limit { name: "invitation-refusal", most: 20, window: Duration::from_secs(3600) };

/// Body of `POST /v1/invitation-refusals/{token}`, as JSON or as a form. Mail programs send a form of their own (RFC
/// 8058), which refuses the tenant's.
#[derive(Default, Deserialize, ToSchema)]
pub struct Refusal {
    #[serde(alias = "List-Unsubscribe")]
    from: Senders,
}

#[utoipa::path(get, path = "/v1/invitation-refusals/{token}", operation_id = "showInvitationRefusal",
    tag = "invitations",
    params(("token" = String, Path, description = "From the link in the mail.")),
    responses((status = 200, body = String, content_type = "text/html"),
        (status = 410, description = "`link_used`", body = String, content_type = "text/html")),
    security(()))]
pub async fn show(State(app): State<App>, Path(token): Path<String>) -> Result<Response, Problem> {
    let Some(whose) = app.refusal_links.read(&token) else { return Ok(pages::refused(&link_used())) };
    let mut tx = app.db.begin_lookup().await?.enter(whose.tenant).await?;
    let refused = refusal_store::refused(&mut tx, &whose.email).await?;
    let tenant = accounts::tenant(&mut tx).await?.ok_or_else(link_used)?.name;
    Ok(pages::refusal(&tenant, &whose.email, refused))
}

#[utoipa::path(post, path = "/v1/invitation-refusals/{token}", operation_id = "refuseInvitations", tag = "invitations",
    params(("token" = String, Path, description = "From the link in the mail.")),
    request_body(content((Option<Refusal> = "application/json"), (Refusal = "application/x-www-form-urlencoded"))),
    responses((status = 204, description = "From now on."),
        (status = 200, description = "The same, as a page for browsers.", body = String, content_type = "text/html"),
        (status = 410, description = "`link_used`: it never was a link."),
        (status = 429, description = "`too_many_requests`: of this address, from this network.")),
    security(()))]
pub async fn refuse(
    State(app): State<App>,
    source: Source,
    Path(token): Path<String>,
    headers: HeaderMap,
    OptionalJsonOrForm(refusal): OptionalJsonOrForm<Refusal>,
) -> Result<Response, Problem> {
    let from = refusal.unwrap_or_default().from;
    let whose = app.refusal_links.read(&token).ok_or_else(link_used)?;
    let counted = app.limiter.admit_for(&CHANGES, source, &whose.fingerprint()).await?;
    let (tenant, refused) = app.limiter.settle([counted], write(&app, &whose, from).await).await?;
    Ok(if wants_html(&headers) {
        pages::refusal(&tenant, &whose.email, refused)
    } else {
        StatusCode::NO_CONTENT.into_response()
    })
}

/// Gives the name of the tenant, and what is refused from now on.
async fn write(app: &App, whose: &Whose, from: Senders) -> Result<(String, Senders), Problem> {
    let mut tx = begin_across_tenants(app, whose).await?;
    mail_rate::store::lock(&mut tx, &whose.email).await?;
    let (id, now) = (app.ambient.uuid(), app.ambient.now());
    match from {
        Senders::Everybody => {
            let refused = refusal_store::refuse(&mut tx, id, &whose.email, now).await?;
            entries::refused_all(&mut tx, whose, &refused);
        }
        Senders::Nobody => {
            if refusal_store::allow(&mut tx, whose.tenant, &whose.email).await? {
                audit::note_of_platform(&mut tx, entries::changed("invitations.allowed", whose));
            }
        }
        Senders::Tenant => {}
    }
    let own = tx.narrow(whose.tenant).await?;
    let tenant = accounts::tenant(own).await?.ok_or_else(link_used)?.name;
    if from == Senders::Tenant {
        let refused = refusal_store::refuse(own, id, &whose.email, now).await?;
        entries::refused_one(own, whose, &refused);
    }
    let refused = refusal_store::refused(own, &whose.email).await?;
    tx.commit().await?;
    Ok((tenant, refused))
}

/// Whoever has the link reads the mail of the address, and speaks for it to whichever tenant invites it.
#[expect(clippy::disallowed_methods, reason = "only we can make such a link, and it is made for the address alone")]
async fn begin_across_tenants(app: &App, _: &Whose) -> sqlx::Result<CrossTenantTx> {
    app.db.begin_across_tenants().await
}
