//! Sign-out that an app asks for (OpenID Connect RP-Initiated Logout 1.0): the app's session ends, and the sign-in of
//! the browser.
//!
//! Who shows an ID token of the session is taken at their word; else the person is asked, as anybody can make a link.

use super::{
    forgery::refuse_forged,
    id_token::{self, IdClaims},
    sign_ins, store,
    views::{see_other, with_query},
};
use crate::{
    app::App,
    pages,
    sessions::opening::{self, Consent},
};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use common::{
    http::{Form, Query},
    problem::Problem,
};
use contracts::id::ClientId;
use minijinja::context;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

/// Parameters of a sign-out (RP-Initiated Logout §2).
#[derive(Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
pub struct LogoutRequest {
    /// The ID token that the app was given.
    id_token_hint: Option<String>,
    client_id: Option<ClientId>,
    /// One of the app's registered addresses.
    post_logout_redirect_uri: Option<String>,
    /// Given back with the answer.
    state: Option<String>,
    /// `yes` from our own page.
    confirmed: Option<String>,
}

#[utoipa::path(get, path = "/v1/oauth/logout", operation_id = "signOut", tag = "oauth", params(LogoutRequest),
    responses((status = 200, description = "The page that asks, or says that it is done.", body = String,
            content_type = "text/html", headers(("Set-Cookie" = String))),
        (status = 303, description = "Back to the app.", headers(("Location" = String), ("Set-Cookie" = String)))),
    security(()))]
pub async fn by_link(
    State(app): State<App>,
    headers: HeaderMap,
    query: Result<Query<LogoutRequest>, Problem>,
) -> Response {
    let request = match query {
        Ok(Query(request)) => LogoutRequest { confirmed: None, ..request },
        Err(problem) => return pages::refused(&problem),
    };
    answer(&app, &headers, request).await.unwrap_or_else(|problem| pages::refused(&problem))
}

#[utoipa::path(post, path = "/v1/oauth/logout", operation_id = "signOutByForm", tag = "oauth",
    request_body(content = LogoutRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "As by GET.", body = String, content_type = "text/html",
            headers(("Set-Cookie" = String))),
        (status = 303, description = "Back to the app.", headers(("Location" = String), ("Set-Cookie" = String))),
        (status = 403, description = "`cross_site`", body = String, content_type = "text/html")),
    extensions(("x-no-idempotency-key" = json!("Who is signed out stays so."))), security(()))]
pub async fn by_form(State(app): State<App>, headers: HeaderMap, Form(request): Form<LogoutRequest>) -> Response {
    let attempt = async {
        if request.confirmed.is_some() {
            refuse_forged(&app, &headers)?;
        } else if !sign_ins::is_known(&app, &headers) {
            // Another site's form came without our cookie; the same by GET comes with it.
            return Ok(see_other(&request.address(&app)));
        }
        answer(&app, &headers, request).await
    };
    attempt.await.unwrap_or_else(|problem| pages::refused(&problem))
}

impl LogoutRequest {
    /// The same request by GET.
    fn address(&self, app: &App) -> String {
        let client = self.client_id.map(|id| id.to_string());
        let given = [
            ("id_token_hint", &self.id_token_hint),
            ("client_id", &client),
            ("post_logout_redirect_uri", &self.post_logout_redirect_uri),
            ("state", &self.state),
        ];
        let given: Vec<_> = given.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect();
        with_query(&format!("{}/v1/oauth/logout", app.public_url), &given)
    }
}

async fn answer(app: &App, headers: &HeaderMap, request: LogoutRequest) -> Result<Response, Problem> {
    let hint = match &request.id_token_hint {
        Some(hint) => id_token::read(app, hint).await?,
        None => None,
    };
    let signed_in = sign_ins::of(app, headers).await?;
    let meant = |hint: &IdClaims| signed_in.as_ref().is_none_or(|own| own.user.id == hint.sub);
    let hint = hint.filter(meant);
    if hint.is_none() && request.confirmed.is_none() && signed_in.is_some() {
        return Ok(ask(&request));
    }
    if let Some(hint) = &hint {
        match opening::end(app, hint.sub, hint.sid, Consent::Kept).await {
            Err(problem) if problem.status == StatusCode::NOT_FOUND => {}
            ended => ended?,
        }
    }
    let cookie = sign_ins::end(app, headers).await?;
    // Else a link of ours would lead a stranger anywhere.
    let may_lead_on = hint.is_some() || request.confirmed.is_some();
    let client = hint.map(|hint| hint.aud).or(request.client_id).filter(|_| may_lead_on);
    let mut response = lead_on(app, client, &request).await?;
    response.headers_mut().extend(HeaderValue::try_from(cookie).ok().map(|cookie| (header::SET_COOKIE, cookie)));
    Ok(response)
}

/// To the app, if the address is one of its own; else nowhere.
async fn lead_on(app: &App, client: Option<ClientId>, request: &LogoutRequest) -> Result<Response, Problem> {
    let done = || pages::page("signed-out.html", StatusCode::OK, context! {});
    let (Some(client), Some(wanted)) = (client, &request.post_logout_redirect_uri) else { return Ok(done()) };
    let client = store::client(&mut app.db.begin_lookup().await?, client).await?;
    let registered =
        client.is_some_and(|client| client.post_logout_redirect_uris.iter().any(|uri| uri.is_meant_by(wanted)));
    if !registered {
        return Ok(done());
    }
    let state: Vec<_> = request.state.iter().map(|state| ("state", state.clone())).collect();
    Ok(see_other(&if state.is_empty() { wanted.clone() } else { with_query(wanted, &state) }))
}

fn ask(request: &LogoutRequest) -> Response {
    let values = context! {
        client_id => request.client_id.map(|id| id.to_string()),
        post_logout_redirect_uri => &request.post_logout_redirect_uri,
        state => &request.state,
    };
    pages::page("sign-out.html", StatusCode::OK, values)
}
