//! The authorization endpoint (OAuth 2.1 §3.1, OpenID Connect Core §3.1.2): what does an app ask for, and what comes
//! next?

use super::{
    client_authentication::{self, Caller, Credentials},
    codes,
    error::{Code, OAuthError, Refusal, refuse},
    request::{Asked, PUSHED_FOR, Parameters, unsound},
    sign_ins::{self, SignIn},
    store::{self, OAuthClient},
    views,
};
use crate::{
    accounts::store::{self as accounts, Tenant},
    app::App,
    pages,
    sessions::routes::NO_STORE,
};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::Response,
};
use common::{
    http::{Form, Json, Query},
    problem::Problem,
    source::Source,
};
use contracts::id::TenantId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Body of `POST /v1/oauth/par`.
#[derive(Deserialize, ToSchema)]
pub struct PushRequest {
    #[serde(flatten)]
    parameters: Parameters,
    #[serde(flatten)]
    credentials: Credentials,
}

/// Its answer (RFC 9126 §2.2).
#[derive(Serialize, ToSchema)]
pub struct Pushed {
    request_uri: String,
    /// Seconds.
    #[schema(example = 90)]
    expires_in: i64,
}

/// What is done with a request that is in order.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    SignIn,
    Consent,
    Code(TenantId),
    Refuse(Code, &'static str),
}

#[utoipa::path(get, path = "/v1/oauth/authorize", operation_id = "authorize", tag = "oauth", params(Parameters),
    responses((status = 200, description = "The page on which people sign in, or agree.", body = String,
            content_type = "text/html"),
        (status = 303, description = "The answer to the app, in the query of its address: `code` or `error`, with \
            `state` and `iss`.", headers(("Location" = String))),
        (status = 429, description = "`too_many_requests`: codes of this person.", body = String,
            content_type = "text/html"),
        (status = 400, description = "`authorization_request_invalid`: the app or its address is not known, so nothing \
            is sent there.", body = String, content_type = "text/html")),
    security(()))]
pub async fn authorize(
    State(app): State<App>,
    source: Source,
    headers: HeaderMap,
    query: Result<Query<Parameters>, Problem>,
) -> Response {
    match query {
        Ok(Query(parameters)) => answer(&app, (source, &headers), parameters).await,
        Err(problem) => pages::refused(&problem),
    }
}

#[utoipa::path(post, path = "/v1/oauth/authorize", operation_id = "authorizeByForm", tag = "oauth",
    request_body(content = Parameters, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "As by GET.", body = String, content_type = "text/html"),
        (status = 303, description = "As by GET.", headers(("Location" = String))),
        (status = 429, description = "`too_many_requests`", body = String, content_type = "text/html"),
        (status = 400, description = "`authorization_request_invalid`", body = String, content_type = "text/html")),
    security(()))]
pub async fn authorize_by_form(
    State(app): State<App>,
    source: Source,
    headers: HeaderMap,
    Form(parameters): Form<Parameters>,
) -> Response {
    answer(&app, (source, &headers), parameters).await
}

#[utoipa::path(post, path = "/v1/oauth/par", operation_id = "pushAuthorizationRequest", tag = "oauth",
    request_body(content = PushRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 201, body = Pushed, headers(("Location" = String))),
        (status = 400, description = "What is wrong with the request.", body = OAuthError),
        (status = 401, description = "It is not this client.", body = OAuthError),
        (status = 429, description = "`too_many_requests`: wrong credentials from this network.")),
    extensions(("x-no-idempotency-key" = json!("A repetition makes another request, and nothing is kept."))),
    security(()))]
pub async fn push(
    State(app): State<App>,
    source: Source,
    headers: HeaderMap,
    Form(PushRequest { parameters, credentials }): Form<PushRequest>,
) -> Result<(StatusCode, [(HeaderName, String); 1], [(HeaderName, &'static str); 1], Json<Pushed>), Refusal> {
    let credentials = credentials.of(parameters.client_id);
    let client = client_authentication::of_tenant(&app, (source, &headers), credentials).await?;
    if parameters.request_uri.is_some() || parameters.request.is_some() {
        return Err(refuse(Code::InvalidRequest, "A request is pushed with its parameters."));
    }
    let redirect_uri = registered(&client, &parameters)
        .ok_or_else(|| refuse(Code::InvalidRequest, "redirect_uri is none that was registered."))?;
    let asked = Asked::read(parameters, &client, redirect_uri, &app.audiences, app.ambient.now());
    let asked = asked.map_err(Refusal::OAuth)?;
    let request_uri = app.request_uris.seal(&app.ambient, &asked, PUSHED_FOR);
    let location = [(header::LOCATION, views::address_of(&app, &asked, &request_uri))];
    Ok((StatusCode::CREATED, location, [NO_STORE], Json(Pushed { request_uri, expires_in: PUSHED_FOR.num_seconds() })))
}

async fn answer(app: &App, caller: Caller<'_>, parameters: Parameters) -> Response {
    match begin(app, caller, parameters).await {
        Ok(response) => response,
        Err(problem) => pages::refused(&problem),
    }
}

/// Nothing is sent to an address before it is known to be the app's (RFC 6749 §3.1.2.4).
async fn begin(app: &App, (source, headers): Caller<'_>, parameters: Parameters) -> Result<Response, Problem> {
    let id = parameters.client_id.ok_or_else(|| unsound("client_id is required."))?;
    let client = store::client(&mut app.db.begin_lookup().await?, id).await?;
    let client = client.ok_or_else(|| unsound("There is no such app."))?;
    let asked = match &parameters.request_uri {
        Some(pushed) => {
            let asked = app.request_uris.open(pushed, app.ambient.now());
            let counts = |asked: &Asked| {
                asked.client_id == id && client.has(&asked.redirect_uri) && client.is_that_of(asked.asked_at)
            };
            asked.filter(counts).ok_or_else(|| {
                unsound("The request is too old, or none of this app. Go back to the app and try again.")
            })?
        }
        None => match read(app, parameters, &client)? {
            Ok(asked) => asked,
            Err(answer) => return Ok(answer),
        },
    };
    let sign_in = sign_ins::of(app, headers).await?;
    proceed(app, source, &client, &asked, sign_in).await
}

/// What an app asks for in the parameters themselves, or the refusal that it is sent.
fn read(app: &App, parameters: Parameters, client: &OAuthClient) -> Result<Result<Asked, Response>, Problem> {
    let redirect_uri =
        registered(client, &parameters).ok_or_else(|| unsound("The app wants its answer at an unknown address."))?;
    let state = parameters.state.clone();
    let told = |error: OAuthError| views::lead_back(app, &redirect_uri, state.as_deref(), Err(error));
    if parameters.request.is_some() {
        return Ok(Err(told(OAuthError::new(Code::RequestNotSupported, "Request objects are not supported."))));
    }
    let asked = Asked::read(parameters, client, redirect_uri.clone(), &app.audiences, app.ambient.now());
    Ok(asked.map_err(told))
}

/// The next page, or the answer to the app.
pub async fn proceed(
    app: &App,
    source: Source,
    client: &OAuthClient,
    asked: &Asked,
    sign_in: Option<SignIn>,
) -> Result<Response, Problem> {
    let now = app.ambient.now();
    let Some(sign_in) = sign_in.filter(|sign_in| asked.is_met_by(sign_in.authenticated_at, now)) else {
        return Ok(match Next::unless_signed_in(asked) {
            Next::Refuse(code, why) => refused(app, asked, code, why),
            _ => views::sign_in(app, client, asked, None),
        });
    };
    let tenants = tenants(app, client, &sign_in).await?;
    let agreed = agreed(app, client, asked, &sign_in).await?;
    match Next::of(asked, &tenants, agreed) {
        Next::Code(tenant) => codes::issue(app, source, asked, &sign_in, tenant).await,
        Next::Refuse(code, why) => Ok(refused(app, asked, code, why)),
        Next::SignIn | Next::Consent => Ok(views::consent(app, client, asked, &sign_in, &tenants)),
    }
}

impl Next {
    fn unless_signed_in(asked: &Asked) -> Self {
        if asked.prompt.none { Self::Refuse(Code::LoginRequired, "Nobody is signed in.") } else { Self::SignIn }
    }

    /// For somebody who is signed in, belongs to `tenants` and has agreed in `agreed`, the latest first.
    fn of(asked: &Asked, tenants: &[Tenant], agreed: Vec<TenantId>) -> Self {
        let agreed = agreed.into_iter().find(|tenant| tenants.iter().any(|own| own.id == *tenant));
        match agreed {
            // A stranger's app does not even learn that somebody is signed in.
            _ if tenants.is_empty() && asked.prompt.none => Self::unless_signed_in(asked),
            _ if tenants.is_empty() => Self::Refuse(Code::AccessDenied, "The app is for members of its own tenant."),
            Some(tenant) if !asked.prompt.consent => Self::Code(tenant),
            _ if asked.prompt.none => Self::Refuse(Code::ConsentRequired, "The person has not agreed to this yet."),
            _ => Self::Consent,
        }
    }
}

/// Tenants that the person may use the app for.
pub async fn tenants(app: &App, client: &OAuthClient, sign_in: &SignIn) -> Result<Vec<Tenant>, Problem> {
    let mut tenants = accounts::tenants_of(&mut app.db.begin_lookup().await?, sign_in.user.id).await?;
    tenants.retain(|tenant| client.is_for_everybody || tenant.id == client.tenant_id);
    Ok(tenants)
}

/// Tenants in which the person has agreed to all of it before, where that counts.
async fn agreed(app: &App, client: &OAuthClient, asked: &Asked, sign_in: &SignIn) -> Result<Vec<TenantId>, Problem> {
    if !client.is_proved(&asked.redirect_uri) {
        return Ok(Vec::new());
    }
    let mut lookup = app.db.begin_lookup().await?;
    Ok(store::consents(&mut lookup, sign_in.user.id, client.id, &asked.scopes()).await?)
}

/// What an app is told if the person does not agree.
pub fn denied(app: &App, asked: &Asked) -> Response {
    refused(app, asked, Code::AccessDenied, "The person does not agree.")
}

fn refused(app: &App, asked: &Asked, code: Code, why: &'static str) -> Response {
    views::lead_back(app, &asked.redirect_uri, asked.state.as_deref(), Err(OAuthError::new(code, why)))
}

/// The address that the request wants its answer at, if it is one of the client's.
fn registered(client: &OAuthClient, parameters: &Parameters) -> Option<String> {
    let asked = parameters.redirect_uri.as_ref()?;
    client.has(asked).then(|| asked.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::audience::tests::with_forum;
    use chrono::{DateTime, Utc};

    fn asked(prompt: &str, max_age: Option<&str>) -> Asked {
        let id = uuid::Uuid::nil();
        let client = OAuthClient {
            id: id.into(),
            tenant_id: id.into(),
            tenant_name: String::new(),
            is_for_everybody: false,
            name: String::new(),
            method: crate::clients::registration::AuthMethod::None,
            jwks: None,
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            scopes: "openid".parse().unwrap(),
            consents_since: None,
        };
        let parameters = Parameters {
            response_type: Some("code".into()),
            scope: Some("openid".into()),
            code_challenge_method: Some("S256".into()),
            code_challenge: Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".into()),
            prompt: Some(prompt.into()),
            max_age: max_age.map(str::to_owned),
            ..Parameters::default()
        };
        Asked::read(parameters, &client, String::new(), &with_forum(), at(1000)).unwrap()
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    /// OpenID Connect Core §3.1.2.1: `max_age`, `prompt=login`.
    #[test]
    fn who_signed_in_too_long_ago_signs_in_again() {
        assert!(asked("", None).is_met_by(at(0), at(1000)));
        assert!(asked("", Some("100")).is_met_by(at(900), at(1000)));
        assert!(!asked("", Some("100")).is_met_by(at(899), at(1000)));
        assert!(!asked("login", None).is_met_by(at(999), at(1000)));
        for again in [asked("login", None), asked("", Some("0"))] {
            assert!(again.is_met_by(at(1005), at(1010)), "who has just done so does not do it for ever");
        }
    }

    /// OpenID Connect Core §3.1.2.6: `login_required`, `consent_required`.
    #[test]
    fn without_pages_what_needs_one_is_refused() {
        let tenant = Tenant { id: uuid::Uuid::nil().into(), name: String::new() };
        let (tenants, agreed) = (std::slice::from_ref(&tenant), || vec![tenant.id]);
        assert!(matches!(Next::unless_signed_in(&asked("none", None)), Next::Refuse(Code::LoginRequired, _)));
        assert_eq!(Next::unless_signed_in(&asked("", None)), Next::SignIn);
        assert!(matches!(Next::of(&asked("none", None), tenants, vec![]), Next::Refuse(Code::ConsentRequired, _)));
        assert_eq!(Next::of(&asked("none", None), tenants, agreed()), Next::Code(tenant.id));
        assert_eq!(Next::of(&asked("", None), tenants, vec![]), Next::Consent);
        assert_eq!(Next::of(&asked("consent", None), tenants, agreed()), Next::Consent);
        assert!(matches!(Next::of(&asked("", None), &[], agreed()), Next::Refuse(Code::AccessDenied, _)));
    }
}
