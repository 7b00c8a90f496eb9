//! Forms by which people sign in and agree.

use super::{
    authorization::{self, proceed},
    codes,
    forgery::opened,
    request::Asked,
    second_factor,
    sign_ins::{self, SignIn},
    store::{self, OAuthClient},
    views,
};
use crate::{
    accounts::refusals::{credentials_wrong, not_a_member},
    app::App,
    logins, pages,
    registrations::model,
    sessions::entries,
    throttle::Visitor,
};
use axum::{extract::State, http::HeaderMap, response::Response};
use common::{http::Form, problem::Problem, source::Source};
use contracts::id::TenantId;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

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
        let email = model::email("email", Some(&form.email), &mut faults).ok_or_else(credentials_wrong);
        let user = match email {
            Ok(email) => logins::identify(&app, &visitor, &email, &form.password).await,
            Err(problem) => Err(problem),
        };
        match user {
            Ok(user) => second_factor::after_password(&app, &visitor, &headers, user, (&client, &asked)).await,
            Err(problem) => {
                asked.login_hint = Some(form.email);
                Ok(views::sign_in(&app, &client, &asked, Some(&problem)))
            }
        }
    };
    attempt.await.unwrap_or_else(|problem| pages::refused(&problem))
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
    attempt.await.unwrap_or_else(|problem| pages::refused(&problem))
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
        return Err(not_a_member());
    }
    let mut tx = app.db.begin_lookup().await?.enter(tenant).await?;
    store::consent(&mut tx, sign_in.user.id, client, &asked.scopes(), app.ambient.now()).await?;
    audit::note(&mut tx, entries::consent_given(sign_in.user.id, client.id, &asked.scopes()));
    tx.commit().await?;
    codes::issue(app, source, asked, &sign_in, tenant).await
}
