//! What follows a right password on our page: the sign-in, or the page that asks for the second factor.
//!
//! It works without scripts, so it takes codes only; who has passkeys alone gives a recovery code.

use super::{
    forgery::opened,
    request::Asked,
    sign_ins,
    store::OAuthClient,
    views::{sealed, signed_in, targets},
};
use crate::{
    accounts::refusals::not_a_member,
    accounts::store::{self as accounts, User},
    app::App,
    factors::{authentication::by_password, challenges, proving::Proof, store as factors},
    opaque::OpaqueToken,
    pages,
    sessions::{
        opening,
        second_factor::{Proved, prove},
    },
    throttle::Visitor,
};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use common::{http::Form, problem::Problem};
use minijinja::context;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

/// Digits of a code of an app; anything else is taken for a recovery code.
const TOTP_DIGITS: usize = 6;

/// Form of the page that asks for the second factor.
#[derive(Deserialize, ToSchema)]
pub struct SecondFactorForm {
    /// The authorization request, sealed.
    request_uri: String,
    /// What the right password came to.
    #[schema(value_type = String, format = Password)]
    challenge: SecretString,
    /// Of an app, or a recovery code.
    #[schema(value_type = String, format = Password)]
    code: SecretString,
}

/// Signs in whoever has no second factor, and asks the others for it.
pub async fn after_password(
    app: &App,
    visitor: &Visitor,
    headers: &HeaderMap,
    user: User,
    (client, asked): (&OAuthClient, &Asked),
) -> Result<Response, Problem> {
    let mut lookup = app.db.begin_lookup().await?;
    // A challenge is of one tenant; the app's, if the person belongs to it.
    let tenant = match accounts::choose_tenant(&mut lookup, user.id, Some(client.tenant_id)).await? {
        Some(tenant) => tenant,
        None => accounts::choose_tenant(&mut lookup, user.id, None).await?.ok_or_else(not_a_member)?,
    };
    let mut tx = opening::admit(&user, &lookup.found(tenant.id)).await?;
    if factors::enrolled(&mut tx, user.id).await?.any() {
        let challenge = challenges::make(&mut tx, app, &user).await?;
        tx.commit().await?;
        return Ok(ask(app, client, asked, &challenge, None));
    }
    let device = app.throttle.remember(visitor, &user.email);
    let cookie = sign_ins::begin(&mut tx, app, user, by_password(), headers).await?;
    tx.commit().await?;
    Ok(signed_in(app, asked, cookie, device))
}

#[utoipa::path(post, path = "/v1/oauth/second-factor", operation_id = "signInWithSecondFactor", tag = "oauth",
    request_body(content = SecondFactorForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Back to the authorization endpoint.",
            headers(("Location" = String), ("Set-Cookie" = String))),
        (status = 400, description = "`authorization_request_invalid`", body = String, content_type = "text/html"),
        (status = 401, description = "`second_factor_wrong`: the page once more; `credentials_wrong`: the password was \
            changed meanwhile.", body = String, content_type = "text/html"),
        (status = 403, description = "`cross_site`, `not_a_member`", body = String, content_type = "text/html"),
        (status = 410, description = "`login_challenge_over`", body = String, content_type = "text/html"),
        (status = 429, description = "`too_many_codes`: for this account.", body = String, content_type = "text/html")),
    extensions(("x-no-idempotency-key" = json!("A challenge works once."))), security(()))]
pub async fn submit(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
    Form(form): Form<SecondFactorForm>,
) -> Response {
    let attempt = async {
        let (client, asked) = opened(&app, &headers, &form.request_uri).await?;
        let challenge = OpaqueToken::shown(form.challenge.expose_secret());
        match prove(&app, &challenge, &proof(form.code)).await {
            Ok(proved) => complete(&app, &visitor, &headers, &asked, proved).await,
            Err(problem) if problem.status == StatusCode::UNAUTHORIZED => {
                Ok(ask(&app, &client, &asked, &challenge, Some(&problem)))
            }
            Err(problem) => Err(problem),
        }
    };
    attempt.await.unwrap_or_else(|problem| pages::refused(&problem))
}

async fn complete(
    app: &App,
    visitor: &Visitor,
    headers: &HeaderMap,
    asked: &Asked,
    Proved { mut tx, found, amr }: Proved,
) -> Result<Response, Problem> {
    let device = app.throttle.remember(visitor, &found.user.email);
    let cookie = sign_ins::begin(&mut tx, app, found.user, amr, headers).await?;
    tx.commit().await?;
    Ok(signed_in(app, asked, cookie, device))
}

fn proof(code: SecretString) -> Proof {
    let text = code.expose_secret().trim();
    let is_totp = text.len() == TOTP_DIGITS && text.bytes().all(|b| b.is_ascii_digit());
    let code = SecretString::from(text);
    if is_totp { Proof::Totp { code } } else { Proof::RecoveryCode { code } }
}

/// The page that asks; `refusal` is what was wrong the last time.
fn ask(app: &App, client: &OAuthClient, asked: &Asked, challenge: &OpaqueToken, refusal: Option<&Problem>) -> Response {
    let values = context! {
        app => &client.name,
        challenge => challenge.expose(),
        problem => refusal.map(pages::told),
        ..sealed(app, asked)
    };
    pages::page_leading_to("second-factor.html", pages::status(refusal), values, &targets(client, asked))
}
