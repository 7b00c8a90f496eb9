//! What a person has allowed apps: looked at, and taken back.

use super::consent_store::{self as store, Consent};
use crate::{
    accounts::routes::logged_in,
    app::App,
    sessions::{
        ending, ending_store, entries,
        model::{EndReason, told_since},
    },
};
use access::Authenticated;
use axum::{extract::State, http::StatusCode};
use common::{
    http::{Path, Query},
    page::{Page, PageQuery},
    problem::Problem,
};
use contracts::id::ClientId;

#[utoipa::path(get, path = "/v1/me/consents", operation_id = "listConsents", tag = "oauth", params(PageQuery),
    responses((status = 200, body = Page<Consent>),
        (status = 403, description = "`people_only`, `user_session_required`, `personal_session_required`")),
    security(("bearer" = [])))]
pub async fn list(
    State(app): State<App>,
    caller: Authenticated,
    Query(query): Query<PageQuery>,
) -> Result<Page<Consent>, Problem> {
    let page = query.check()?;
    let user = logged_in(&caller.claims, &caller.principal)?;
    // What a person has allowed is theirs to see, in whichever tenant they act.
    let consents = store::list(&mut app.db.begin_lookup().await?, user, page).await?;
    Ok(Page::cut(consents, page, |consent| consent.client_id.0))
}

#[utoipa::path(delete, path = "/v1/me/consents/{client_id}", operation_id = "withdrawConsent", tag = "oauth",
    params(("client_id" = ClientId, Path)),
    responses((status = 204),
        (status = 403, description = "`people_only`, `user_session_required`, `personal_session_required`"),
        (status = 404, description = "`consent_not_found`")),
    security(("bearer" = [])))]
pub async fn withdraw(
    State(app): State<App>,
    caller: Authenticated,
    Path(client): Path<ClientId>,
) -> Result<StatusCode, Problem> {
    let (user, now) = (logged_in(&caller.claims, &caller.principal)?, app.ambient.now());
    let mut tx = ending::begin(&app).await?;
    // Codes, sessions, consents: in the order in which whoever exchanges a code, or ends a session, takes them.
    store::void_codes(&mut tx, user, client).await?;
    for (tenant, many) in ending_store::end_of_client_with(&mut tx, client, user, now).await? {
        audit::note_for(&mut tx, tenant, entries::ended_many(user, many, None, EndReason::LoggedOut));
    }
    let withdrawn = store::withdraw(&mut tx, user, client).await?;
    for tenant in &withdrawn {
        audit::note_for(&mut tx, *tenant, entries::consent_withdrawn(user, client));
    }
    // With what ended before and was perhaps never told: this may be a repetition.
    let since = told_since(app.access_token, now);
    let ended = ending_store::ended_of_client_with(&mut tx, client, user, since).await?;
    tx.commit().await?;
    if withdrawn.is_empty() && ended.is_empty() {
        return Err(Problem::not_found("consent_not_found", "You have allowed this app nothing."));
    }
    ending::close_all(&app, ended).await?;
    Ok(StatusCode::NO_CONTENT)
}
