//! The way of a person to their tenant's provider and back (OpenID Connect Core §3.1.2): endpoints that browsers open,
//! which show refusals as pages.
//!
//! Each provider has an address of its own that it leads back to, so none can pass off another's code as its own, also
//! where the other does not say who it is (RFC 9700 §4.4.2).

use super::{
    admission,
    attempt::{Attempt, BrowserSecret},
    exchange::{self, Shown},
    id_token::SignedIn,
    identity_store,
    metadata::Metadata,
    outbound::plain,
    refusals, sealed_store,
    store::{self, Provider},
};
use crate::{app::App, pages, sessions::routes::with_cookie};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use common::{
    db::TenantScope,
    http::{Path, Query},
    limit::Limit,
    problem::{FieldError, Problem},
    source::Source,
};
use contracts::{id::SessionId, public_url::PublicUrl};
use minijinja::context;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::SecretString;
use serde::Deserialize;
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;
use utoipa::IntoParams;
use uuid::Uuid;

/// It travels in `state`, which providers limit.
pub const LONGEST_RETURN_TO: usize = 400;
/// All calls of one sign-in together; the person looks at an empty page meanwhile.
const LONGEST_EXCHANGE: Duration = Duration::from_secs(12);
/// Each may be a call to a provider; an office signs in at nine.
const BEGUN: Limit = Limit { name: "identity_begun", most: 120, window: Duration::from_secs(60) };
const CALLED_BACK: Limit = Limit { name: "identity_callback", most: 120, window: Duration::from_secs(60) };
const SCOPE: &str = "openid email";
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Beginning {
    /// The page of a frontend to which the person is led in the end, at most 400 characters. It then refreshes the
    /// session.
    #[param(required = true, example = "https://app.example.com/signed-in")]
    return_to: Option<String>,
}

/// The provider's answer (RFC 6749 §4.1.2, RFC 9207 §2). What else it says is ignored.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Callback {
    /// As it was given to the provider.
    state: Option<String>,
    code: Option<String>,
    /// The provider.
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

#[utoipa::path(get, path = "/v1/identity-providers/{id}/sign-in", operation_id = "beginIdentitySignIn",
    tag = "identity providers", params(("id" = Uuid, Path), Beginning),
    responses((status = 303, description = "To the provider.",
            headers(("Location" = String), ("Set-Cookie" = String))),
        (status = 200, description = "The page that asks whoever comes from another site whether they want to sign in.",
            body = String, content_type = "text/html"),
        (status = 404, description = "`identity_provider_not_found`", body = String, content_type = "text/html"),
        (status = 422, description = "`invalid`: `return_to` is none of a frontend.", body = String,
            content_type = "text/html"),
        (status = 429, description = "`too_many_requests`: from this network.", body = String,
            content_type = "text/html"),
        (status = 502, description = "`identity_provider_invalid`", body = String, content_type = "text/html"),
        (status = 503, description = "`identity_provider_unavailable`", body = String, content_type = "text/html")),
    security(()))]
pub async fn begin(
    State(app): State<App>,
    source: Source,
    headers: HeaderMap,
    id: Result<Path<Uuid>, Problem>,
    query: Result<Query<Beginning>, Problem>,
) -> Response {
    let begun = async {
        let (Path(id), Query(Beginning { return_to })) = (id?, query?);
        let return_to = readable(&app, return_to.as_deref())?;
        let (provider, tenant, _) = found(&app, id).await?;
        if !is_from_our_site(&headers) {
            return Ok(ask(&provider, &tenant, &return_to));
        }
        // Only now: another site could else use up what the network may do.
        app.limiter.admit(&BEGUN, source).await?;
        lead_there(&app, &headers, &provider, &return_to).await
    };
    begun.await.unwrap_or_else(|problem: Problem| pages::refused(&problem))
}

#[utoipa::path(get, path = "/v1/identity-providers/{id}/callback", operation_id = "completeIdentitySignIn",
    tag = "identity providers", params(("id" = Uuid, Path), Callback),
    responses((status = 303, description = "To `return_to`, with the cookie of the session.",
            headers(("Location" = String), ("Set-Cookie" = String))),
        (status = 403, description = "`not_a_member`, `address_unverified`, `second_factor_required`; \
            `identity_provider_declined`: in its words.", body = String, content_type = "text/html"),
        (status = 404, description = "`identity_provider_not_found`", body = String, content_type = "text/html"),
        (status = 409, description = "`identity_known_otherwise`", body = String, content_type = "text/html"),
        (status = 410, description = "`identity_sign_in_over`", body = String, content_type = "text/html"),
        (status = 422, description = "`invalid`", body = String, content_type = "text/html"),
        (status = 429, description = "`too_many_requests`: from this network.", body = String,
            content_type = "text/html"),
        (status = 502, description = "`identity_provider_invalid`: it is not the provider, or it does not say to us, \
            now, who has signed in.", body = String, content_type = "text/html"),
        (status = 503, description = "`identity_provider_unavailable`: load the page again.", body = String,
            content_type = "text/html")),
    security(()))]
pub async fn complete(
    State(app): State<App>,
    source: Source,
    headers: HeaderMap,
    id: Result<Path<Uuid>, Problem>,
    query: Result<Query<Callback>, Problem>,
) -> Response {
    let completed = async {
        let (Path(id), Query(callback)) = (id?, query?);
        finish(&app, source, &headers, id, &callback).await
    };
    completed.await.unwrap_or_else(|problem: Problem| pages::refused(&problem))
}

fn readable(app: &App, return_to: Option<&str>) -> Result<PublicUrl, Problem> {
    let mut faults = Vec::new();
    if return_to.is_none() {
        faults.push(FieldError::new("return_to", "missing", "is required: a page of a frontend"));
    }
    let address = app.return_origins.read(return_to, &mut faults);
    if address.as_ref().is_some_and(|address| address.as_str().len() > LONGEST_RETURN_TO) {
        let message = format!("must be at most {LONGEST_RETURN_TO} characters");
        faults.push(FieldError::new("return_to", "too_long", message));
    }
    address.filter(|_| faults.is_empty()).ok_or_else(|| Problem::invalid(faults))
}

async fn found(app: &App, id: Uuid) -> Result<(Provider, String, TenantScope), Problem> {
    let mut lookup = app.db.begin_lookup().await?;
    let (provider, tenant) = store::enabled(&mut lookup, id).await?.ok_or_else(refusals::no_such_provider)?;
    let scope = lookup.found(provider.tenant_id);
    Ok((provider, tenant, scope))
}

/// A frontend of ours (Fetch Metadata). Another site, or a link in a mail, which a browser tells from a bookmark as little
/// as we, could else have it signed in as whomever a provider of its own says, behind its owner's back.
fn is_from_our_site(headers: &HeaderMap) -> bool {
    let mut sites = headers.get_all(FETCH_SITE).iter().peekable();
    sites.peek().is_some() && sites.all(|site| ["same-origin", "same-site"].iter().any(|own| site == own))
}

fn ask(provider: &Provider, tenant: &str, return_to: &PublicUrl) -> Response {
    let encoded = utf8_percent_encode(return_to.as_str(), NON_ALPHANUMERIC).to_string();
    let values = context! { provider => &provider.name, tenant, id => provider.id.to_string(), return_to => encoded,
    origin => return_to.origin() };
    pages::page("identity-sign-in.html", StatusCode::OK, values)
}

async fn lead_there(
    app: &App,
    headers: &HeaderMap,
    provider: &Provider,
    return_to: &PublicUrl,
) -> Result<Response, Problem> {
    let (directory, attempts) = (&app.identity_providers, &app.identity_attempts);
    let metadata = directory.metadata(provider).await.map_err(|fault| refusals::faulty(&fault))?;
    let browser = attempts.browser(headers);
    let attempt = attempts.begin(provider.id, provider.revision, return_to.as_str().to_owned());
    let mut location = metadata.authorization_endpoint.clone();
    location.query_pairs_mut().extend_pairs([
        ("response_type", "code"),
        ("client_id", &provider.client_id),
        ("redirect_uri", &redirect_uri(app, provider.id)),
        ("scope", SCOPE),
        ("state", &attempts.seal(&attempt, &browser)),
        ("nonce", &attempt.nonce(&browser)),
        ("code_challenge", &attempt.challenge(&browser)),
        ("code_challenge_method", "S256"),
    ]);
    let cookie = [(header::SET_COOKIE, attempts.cookie(&browser)), (header::CACHE_CONTROL, "no-store".into())];
    Ok(see_other(location.as_str(), cookie))
}

fn redirect_uri(app: &App, provider: Uuid) -> String {
    format!("{}/v1/identity-providers/{provider}/callback", app.public_url)
}

async fn finish(
    app: &App,
    source: Source,
    headers: &HeaderMap,
    id: Uuid,
    callback: &Callback,
) -> Result<Response, Problem> {
    let (attempt, browser) = opened(app, headers, id, callback)?;
    app.limiter.admit(&CALLED_BACK, source).await?;
    let (provider, _, scope) = found(app, id).await?;
    if provider.revision != attempt.revision || has_begun(&scope, &attempt).await? {
        return Err(refusals::over());
    }
    let found = match timeout(LONGEST_EXCHANGE, vouched(app, &provider, &attempt, &browser, callback)).await {
        Ok(found) => found?,
        Err(_) => return Err(refusals::unavailable()),
    };
    let alive = admission::admit(app, scope.begin().await?, &provider, &attempt, &found).await?;
    Ok(see_other(&attempt.return_to, with_cookie(app, &alive)))
}

/// What this browser has begun at this provider.
fn opened(app: &App, headers: &HeaderMap, id: Uuid, callback: &Callback) -> Result<(Attempt, BrowserSecret), Problem> {
    let attempts = &app.identity_attempts;
    let browser = attempts.known_browser(headers).ok_or_else(refusals::over)?;
    let state = callback.state.as_deref().unwrap_or_default();
    let attempt = attempts.open(state, &browser, app.ambient.now());
    let attempt = attempt.filter(|attempt| attempt.provider == id).ok_or_else(refusals::over)?;
    Ok((attempt, browser))
}

/// Before the provider is asked: its code would be used up for nothing.
async fn has_begun(scope: &TenantScope, attempt: &Attempt) -> sqlx::Result<bool> {
    identity_store::is_begun(&mut scope.begin().await?, SessionId(attempt.session)).await
}

/// Whom the provider has signed in. No connection to the database is held meanwhile.
async fn vouched(
    app: &App,
    provider: &Provider,
    attempt: &Attempt,
    browser: &BrowserSecret,
    callback: &Callback,
) -> Result<SignedIn, Problem> {
    let directory = &app.identity_providers;
    let metadata = directory.metadata(provider).await.map_err(|fault| refusals::faulty(&fault))?;
    let code = answered(provider, &metadata, callback)?;
    let secret = app.factor_sealer.open(&sealed_store::context(provider.id), &provider.sealed_client_secret);
    let secret = secret.map_err(|error| Problem::internal(&error))?;
    let client_secret = SecretString::from(String::from_utf8_lossy(&secret).into_owned());
    let shown = Shown {
        code,
        verifier: &attempt.verifier(browser),
        redirect_uri: &redirect_uri(app, provider.id),
        nonce: &attempt.nonce(browser),
        client_secret: &client_secret,
    };
    let found = exchange::signed_in(directory, provider, &metadata, &shown, app.ambient.now()).await;
    found.map_err(|fault| refusals::faulty(&fault))
}

/// The code, if it is this provider that answers, and with one.
fn answered<'a>(provider: &Provider, metadata: &Arc<Metadata>, callback: &'a Callback) -> Result<&'a str, Problem> {
    let is_itself = match callback.iss.as_deref() {
        Some(issuer) => issuer == provider.issuer,
        None => !metadata.names_itself,
    };
    if !is_itself {
        return Err(refusals::invalid("it does not say that it is the provider that was asked"));
    }
    if let Some(error) = &callback.error {
        return Err(refusals::declined(&plain(error), callback.error_description.as_deref().map(plain).as_deref()));
    }
    callback.code.as_deref().filter(|code| !code.is_empty()).ok_or_else(|| refusals::invalid("it has no code"))
}

/// To `location`, by GET; the address we come from, with its code, stays with us.
fn see_other(location: &str, headers: [(HeaderName, String); 2]) -> Response {
    let leading = [(header::LOCATION, location.to_owned()), (header::REFERRER_POLICY, "no-referrer".to_owned())];
    (StatusCode::SEE_OTHER, leading, headers).into_response()
}
