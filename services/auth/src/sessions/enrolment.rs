//! Enrolment at the log-in: whoever logs in to a tenant that demands a second factor, and has none, enrols an
//! authenticator app by the challenge. No token is given before.

use super::{
    ending,
    model::Alive,
    opening,
    routes::{Begun, NO_STORE, begun},
};
use crate::{
    accounts::refusals::{credentials_wrong, not_a_member},
    accounts::store as accounts,
    app::App,
    factors::{
        authentication::{Evidence, amr},
        challenges::{self, Found},
        changing,
        enrolling::{self, NewTotp},
        recovery, store as factors,
    },
    logins::LogIn,
    members::store as members,
    opaque::OpaqueToken,
    throttle::Visitor,
};
use axum::{
    extract::State,
    http::{HeaderName, StatusCode},
};
use common::{db::TenantTx, http::Json, problem::Problem};
use contracts::mails::FactorChange;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Body of `POST /v1/sessions/second-factor/totp`.
#[derive(Deserialize, ToSchema)]
pub struct Enrolment {
    /// From the answer to the log-in.
    #[schema(value_type = String, format = Password)]
    challenge: SecretString,
}

/// Body of `POST /v1/sessions/second-factor/totp/confirmation`.
#[derive(Deserialize, ToSchema)]
pub struct EnrolmentConfirmation {
    /// From the answer to the log-in.
    #[schema(value_type = String, format = Password)]
    challenge: SecretString,
    /// That the app shows.
    #[schema(value_type = String, format = Password, example = "287082")]
    code: SecretString,
}

#[derive(Serialize, ToSchema)]
pub struct EnrolledLogIn {
    #[serde(flatten)]
    log_in: LogIn,
    /// Codes that work once each, shown once.
    #[schema(example = json!(["GAYT-EMZU-GU3D-OOBZ"]))]
    recovery_codes: Vec<String>,
}

#[utoipa::path(post, path = "/v1/sessions/second-factor/totp", operation_id = "beginTotpAtLogIn", tag = "sessions",
    request_body = Enrolment,
    responses((status = 200, body = NewTotp),
        (status = 401, description = "`credentials_wrong`: the password was changed meanwhile."),
        (status = 403, description = "`not_a_member`"),
        (status = 409, description = "`second_factor_exists`"),
        (status = 410, description = "`login_challenge_over`")),
    security(()))]
pub async fn begin(
    State(app): State<App>,
    Json(asked): Json<Enrolment>,
) -> Result<(StatusCode, [(HeaderName, &'static str); 1], Json<NewTotp>), Problem> {
    let found = challenges::find(&app, &OpaqueToken::shown(asked.challenge.expose_secret())).await?;
    let mut tx = opening::admit(&found.user, &found.scope).await?;
    lock(&mut tx, &found).await?;
    let begun = enrolling::begin_totp(&mut tx, &app, &found.user).await?;
    tx.commit().await?;
    Ok((StatusCode::OK, [NO_STORE], Json(begun)))
}

#[utoipa::path(post, path = "/v1/sessions/second-factor/totp/confirmation", operation_id = "confirmTotpAtLogIn",
    tag = "sessions", request_body = EnrolmentConfirmation,
    responses((status = 201, body = EnrolledLogIn, headers(("Set-Cookie" = String))),
        (status = 401, description = "`credentials_wrong`: the password was changed meanwhile."),
        (status = 403, description = "`not_a_member`"),
        (status = 409, description = "`second_factor_exists`, `totp_not_begun`"),
        (status = 410, description = "`login_challenge_over`"),
        (status = 503, description = "`sessions_unconfirmed`: it is done, and the end of other sessions goes on by \
            itself. Log in, and make new recovery codes, as nobody has seen these.")),
    extensions(("x-no-idempotency-key" = json!("A challenge works once, and no tokens are kept."))),
    security(()))]
pub async fn confirm(
    State(app): State<App>,
    visitor: Visitor,
    Json(shown): Json<EnrolmentConfirmation>,
) -> Result<(StatusCode, impl axum::response::IntoResponseParts, Json<EnrolledLogIn>), Problem> {
    let found = challenges::find(&app, &OpaqueToken::shown(shown.challenge.expose_secret())).await?;
    let (alive, recovery_codes) = enrol(&app, &found, &shown.code).await?;
    let Begun { location, headers, device, log_in } = begun(&app, &visitor, alive, found.user, found.tenant).await?;
    Ok((StatusCode::CREATED, (location, headers, device), Json(EnrolledLogIn { log_in, recovery_codes })))
}

/// In one transaction: the first code, the end of all that was without it, and the session that has it.
async fn enrol(app: &App, found: &Found, code: &SecretString) -> Result<(Alive, Vec<String>), Problem> {
    let (user, mut across) = (&found.user, ending::begin(app).await?);
    let tx = across.narrow(found.tenant.id).await?;
    if !members::lock_member(tx, user.id).await? {
        return Err(not_a_member());
    }
    accounts::lock_user(tx, user.id).await?;
    if !accounts::keep_password(tx, user).await? {
        return Err(credentials_wrong());
    }
    lock(tx, found).await?;
    enrolling::confirm_totp(tx, app, user, code).await?;
    let recovery_codes = recovery::make(tx, &app.ambient, user.id).await?;
    across.widen().await?;
    let ended = changing::note(&mut across, app, user, None, FactorChange::TotpAdded).await?;
    let methods = amr(&[], &[Evidence::Password, Evidence::OneTimeCode]);
    let alive = opening::open(across.narrow(found.tenant.id).await?, app, user.id, methods).await?;
    across.commit().await?;
    ending::tell(app, &ended).await?;
    Ok((alive, recovery_codes))
}

/// The challenge, if it may enrol: who has a factor proves that one.
async fn lock(tx: &mut TenantTx, found: &Found) -> Result<(), Problem> {
    challenges::lock(tx, &found.waiting).await?;
    if factors::enrolled(tx, found.user.id).await?.any() {
        let detail = "You have a second factor already. Complete the log-in by it.";
        return Err(Problem::conflict("second_factor_exists", detail));
    }
    Ok(())
}
