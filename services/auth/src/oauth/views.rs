//! Pages on which people sign in and agree, and the answers that their browsers carry to apps.

use super::{
    error::OAuthError,
    redirect_uri::RedirectUri,
    request::{Asked, SEALED_FOR, unsound},
    scope::WORDS,
    sign_ins::SignIn,
    store::OAuthClient,
};
use crate::{accounts::store::Tenant, app::App, opaque::OpaqueToken, pages, sessions::routes::NO_STORE};
use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{AppendHeaders, IntoResponse, Response},
};
use common::problem::Problem;
use minijinja::{Value, context};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// To the authorization endpoint once more, with the cookies of the sign-in and of the device.
pub fn signed_in(
    app: &App,
    asked: &Asked,
    cookie: String,
    device: AppendHeaders<[(HeaderName, String); 1]>,
) -> Response {
    let sealed = app.request_uris.seal(&app.ambient, asked, SEALED_FOR);
    let location = address_of(app, asked, &sealed);
    let headers = [(header::SET_COOKIE, cookie), (header::LOCATION, location)];
    (StatusCode::SEE_OTHER, headers, [NO_STORE], device).into_response()
}

/// Where a sealed request goes on.
pub fn address_of(app: &App, asked: &Asked, request_uri: &str) -> String {
    format!("{}/v1/oauth/authorize?client_id={}&request_uri={request_uri}", app.public_url, asked.client_id)
}

/// The page on which people sign in; `refusal` is what was wrong the last time.
pub fn sign_in(app: &App, client: &OAuthClient, asked: &Asked, refusal: Option<&Problem>) -> Response {
    let values = context! {
        app => &client.name,
        maker => &client.tenant_name,
        email => &asked.login_hint,
        problem => refusal.map(pages::told),
        ..sealed(app, asked)
    };
    pages::page_leading_to("sign-in.html", pages::status(refusal), values, &targets(client, asked))
}

/// The page on which a person agrees, for one of `tenants`.
pub fn consent(app: &App, client: &OAuthClient, asked: &Asked, sign_in: &SignIn, tenants: &[Tenant]) -> Response {
    let scopes = asked.scopes();
    let values = context! {
        app => &client.name,
        maker => &client.tenant_name,
        email => &sign_in.user.email,
        tenants => tenants.iter().map(|tenant| context! { id => tenant.id.to_string(), name => &tenant.name })
            .collect::<Vec<_>>(),
        scopes => WORDS.iter().filter(|word| scopes.has(word)).copied().collect::<Vec<_>>(),
        permissions => scopes.permissions().map(str::to_owned).collect::<Vec<_>>(),
        ..sealed(app, asked)
    };
    pages::page_leading_to("consent.html", StatusCode::OK, values, &targets(client, asked))
}

/// Where the forms of a page may lead in the end.
pub fn targets(client: &OAuthClient, asked: &Asked) -> String {
    let meant = client.redirect_uris.iter().find(|uri| uri.is_meant_by(&asked.redirect_uri));
    let loopback = asked.redirect_uri.parse::<RedirectUri>();
    // Of a loopback address the port is the request's.
    meant.and(loopback.ok()).map(|uri| uri.source_expression()).unwrap_or_default()
}

pub fn sealed(app: &App, asked: &Asked) -> Value {
    context! { request_uri => app.request_uris.seal(&app.ambient, asked, SEALED_FOR) }
}

/// The answer to an app, in the query of its address: a code, or what is wrong; with `iss` (RFC 9207), by which the app
/// sees who has answered.
pub fn lead_back(
    app: &App,
    redirect_uri: &str,
    state: Option<&str>,
    answer: Result<&OpaqueToken, OAuthError>,
) -> Response {
    let mut parameters = match answer {
        Ok(code) => vec![("code", code.expose().to_owned())],
        Err(error) => {
            vec![("error", error.error.word()), ("error_description", error.error_description.to_owned())]
        }
    };
    parameters.extend(state.map(|state| ("state", state.to_owned())));
    parameters.push(("iss", app.issuer.name().to_owned()));
    see_other(&with_query(redirect_uri, &parameters))
}

/// To `location`, by GET; the address we come from stays with us.
pub fn see_other(location: &str) -> Response {
    let Ok(location) = HeaderValue::try_from(location) else {
        return pages::refused(&unsound("The app wants its answer at an address that no browser understands."));
    };
    let headers = [(header::LOCATION, location), (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"))];
    (StatusCode::SEE_OTHER, headers, [NO_STORE]).into_response()
}

/// The address with more in its query.
pub fn with_query(uri: &str, parameters: &[(&str, String)]) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let between = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{between}{}", pairs.join("&"))
}
