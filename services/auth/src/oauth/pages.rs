//! Pages on which people sign in and agree, and the answers that their browsers carry to apps.
//!
//! Only a page of ours may send these forms: else another site could sign somebody in as its owner, or agree for them.

use super::{
    authorization::{self, proceed, unsound},
    codes,
    error::OAuthError,
    request::{Asked, SEALED_FOR},
    second_factor,
    sign_ins::{self, SignIn},
    store::{self, OAuthClient},
};
use crate::{
    accounts::store::Tenant, app::App, logins, opaque::OpaqueToken, pages, registrations::model, throttle::Visitor,
};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{AppendHeaders, IntoResponse, Response},
};
use common::{http::Form, problem::Problem, source::Source};
use contracts::{id::TenantId, public_url::PublicUrl};
use minijinja::{Value, context};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Form of the page on which people sign in.
#[derive(Deserialize, ToSchema)]
pub struct SignInForm {
    /// The authorization request, sealed.
    request_uri: String,
    email: String,
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// Form of the page on which people agree.
#[derive(Deserialize, ToSchema)]
pub struct ConsentForm {
    /// The authorization request, sealed.
    request_uri: String,
    /// For which tenant.
    tenant_id: TenantId,
    /// `allow`, or anything else.
    #[schema(example = "allow")]
    decision: String,
}

#[utoipa::path(post, path = "/v1/oauth/sign-in", operation_id = "signIn", tag = "oauth",
    request_body(content = SignInForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Back to the authorization endpoint.",
            headers(("Location" = String), ("Set-Cookie" = String))),
        (status = 200, description = "The page.", body = String, content_type = "text/html"),
        (status = 400, description = "`authorization_request_invalid`", body = String, content_type = "text/html"),
        (status = 401, description = "`credentials_wrong`", body = String, content_type = "text/html"),
        (status = 429, description = "`too_many_requests`: wrong passwords of this account or from this network.",
            body = String, content_type = "text/html"),
        (status = 403, description = "`cross_site`", body = String, content_type = "text/html")),
    extensions(("x-no-idempotency-key" = json!("A repetition signs in once more."))), security(()))]
pub async fn submit_sign_in(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
    Form(form): Form<SignInForm>,
) -> Response {
    let attempt = async {
        let (client, mut asked) = opened(&app, &headers, &form.request_uri).await?;
        let mut faults = Vec::new();
        let email = model::email("email", Some(&form.email), &mut faults).ok_or_else(logins::credentials_wrong);
        let user = match email {
            Ok(email) => logins::identify(&app, &visitor, &email, &form.password).await,
            Err(problem) => Err(problem),
        };
        match user {
            Ok(user) => second_factor::after_password(&app, &visitor, &headers, user, (&client, &asked)).await,
            Err(problem) => {
                asked.login_hint = Some(form.email);
                Ok(sign_in(&app, &client, &asked, Some(&problem)))
            }
        }
    };
    attempt.await.unwrap_or_else(|problem| refused(&problem))
}

#[utoipa::path(post, path = "/v1/oauth/consent", operation_id = "consent", tag = "oauth",
    request_body(content = ConsentForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "The answer to the app, in the query of its address.",
            headers(("Location" = String))),
        (status = 200, description = "The page on which people sign in, if they are not any more.", body = String,
            content_type = "text/html"),
        (status = 400, description = "`authorization_request_invalid`", body = String, content_type = "text/html"),
        (status = 403, description = "`cross_site`, `not_a_member`, `second_factor_missing`", body = String,
            content_type = "text/html"),
        (status = 429, description = "`too_many_requests`: codes of this person.", body = String,
            content_type = "text/html")),
    extensions(("x-no-idempotency-key" = json!("A repetition sends another code."))), security(()))]
pub async fn submit_consent(
    State(app): State<App>,
    source: Source,
    headers: HeaderMap,
    Form(form): Form<ConsentForm>,
) -> Response {
    let attempt = async {
        let (client, asked) = opened(&app, &headers, &form.request_uri).await?;
        let now = app.ambient.now();
        let signed_in = sign_ins::of(&app, &headers).await?;
        match signed_in.filter(|sign_in| asked.is_met_by(sign_in.authenticated_at, now)) {
            Some(sign_in) if form.decision == "allow" => {
                allow(&app, source, (&client, &asked), sign_in, form.tenant_id).await
            }
            Some(_) => Ok(authorization::denied(&app, &asked)),
            None => proceed(&app, source, &client, &asked, None).await,
        }
    };
    attempt.await.unwrap_or_else(|problem| refused(&problem))
}

/// Notes what the person has agreed to, and sends the app its code.
async fn allow(
    app: &App,
    source: Source,
    (client, asked): (&OAuthClient, &Asked),
    sign_in: SignIn,
    tenant: TenantId,
) -> Result<Response, Problem> {
    let tenants = authorization::tenants(app, client, &sign_in).await?;
    if !tenants.iter().any(|own| own.id == tenant) {
        return Err(logins::not_a_member());
    }
    let mut tx = app.db.begin_lookup().await?.enter(tenant).await?;
    store::consent(&mut tx, sign_in.user.id, client.id, &asked.scopes(), app.ambient.now()).await?;
    tx.commit().await?;
    codes::issue(app, source, asked, &sign_in, tenant).await
}

/// To the authorization endpoint once more, with the cookies of the sign-in and of the device.
pub fn signed_in(
    app: &App,
    asked: &Asked,
    cookie: String,
    device: AppendHeaders<[(HeaderName, String); 1]>,
) -> Response {
    let sealed = app.request_uris.seal(&app.ambient, asked, SEALED_FOR);
    let location = address_of(app, asked, &sealed);
    let headers = [(header::SET_COOKIE, cookie), (header::LOCATION, location), no_store()];
    (StatusCode::SEE_OTHER, headers, device).into_response()
}

/// Where a sealed request goes on.
pub fn address_of(app: &App, asked: &Asked, request_uri: &str) -> String {
    format!("{}/v1/oauth/authorize?client_id={}&request_uri={request_uri}", app.public_url, asked.client_id)
}

/// The client and the request of a form that came from a page of ours.
pub async fn opened(app: &App, headers: &HeaderMap, sealed: &str) -> Result<(OAuthClient, Asked), Problem> {
    refuse_forged(app, headers)?;
    let too_old = || unsound("This page is too old. Go back to the app and try again.");
    let asked = app.request_uris.open(sealed, app.ambient.now()).ok_or_else(too_old)?;
    let client = store::client(&mut app.db.begin_lookup().await?, asked.client_id).await?.ok_or_else(too_old)?;
    Ok((client, asked))
}

/// Fetch Metadata, or `Origin` where a browser sends none; a program sends neither
/// (<https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html>).
pub fn refuse_forged(app: &App, headers: &HeaderMap) -> Result<(), Problem> {
    let own = app.public_url.parse::<PublicUrl>().map(|url| url.origin()).unwrap_or_default();
    let sites: Vec<_> = headers.get_all(FETCH_SITE).iter().collect();
    let origins: Vec<_> = headers.get_all(header::ORIGIN).iter().collect();
    let ours = match (sites.as_slice(), origins.as_slice()) {
        ([], []) => !headers.contains_key(header::COOKIE),
        ([], origins) => origins.iter().all(|origin| origin.as_bytes() == own.as_bytes()),
        (sites, _) => sites.iter().all(|site| *site == "same-origin"),
    };
    if ours { Ok(()) } else { Err(Problem::forbidden("cross_site", "The request comes from another site.")) }
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
        scopes => super::scope::WORDS.iter().filter(|word| scopes.has(word)).copied().collect::<Vec<_>>(),
        permissions => scopes.permissions().map(str::to_owned).collect::<Vec<_>>(),
        ..sealed(app, asked)
    };
    pages::page_leading_to("consent.html", StatusCode::OK, values, &targets(client, asked))
}

pub fn refused(problem: &Problem) -> Response {
    pages::refused(problem)
}

/// Where the forms of a page may lead in the end.
pub fn targets(client: &OAuthClient, asked: &Asked) -> String {
    let meant = client.redirect_uris.iter().find(|uri| uri.is_meant_by(&asked.redirect_uri));
    let loopback = asked.redirect_uri.parse::<super::redirect_uri::RedirectUri>();
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
        return refused(&unsound("The app wants its answer at an address that no browser understands."));
    };
    let headers = [(header::LOCATION, location), (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"))];
    (StatusCode::SEE_OTHER, headers, [no_store()]).into_response()
}

/// The address with more in its query.
pub fn with_query(uri: &str, parameters: &[(&str, String)]) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let between = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{between}{}", pairs.join("&"))
}

fn no_store() -> (HeaderName, String) {
    (header::CACHE_CONTROL, "no-store".to_owned())
}
