//! Step-up: who is logged in proves once more who they are, and gets a token that says so (RFC 9470).

use super::{routes::NO_STORE, step_up_store as store};
use crate::{
    accounts::{
        routes::logged_in,
        store::{self as accounts, User},
    },
    app::App,
    factors::{
        authentication::Evidence,
        proving::{self, Proof},
        store as factors,
    },
    issuer::Signed,
    passwords::{hasher::Verdict, routes::BY_PERSON},
};
use access::{Authenticated, SESSION_ENDED};
use axum::{
    extract::State,
    http::{HeaderName, StatusCode},
};
use common::{
    db::TenantTx,
    http::Json,
    problem::{FieldError, Problem},
    source::Source,
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Body of `POST /v1/sessions/current/step-up`: one of the two.
#[derive(Deserialize, ToSchema)]
pub struct StepUp {
    /// For who has a second factor.
    #[serde(default)]
    proof: Option<Proof>,
    /// For who has none.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password, example = "seven leagues at a stride")]
    password: Option<SecretString>,
}

#[derive(Serialize, ToSchema)]
pub struct SteppedUp {
    access_token: String,
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds until the access token expires.
    #[schema(example = 600)]
    expires_in: u64,
    /// What the session amounts to now.
    #[schema(example = "aal2")]
    acr: &'static str,
}

#[utoipa::path(post, path = "/v1/sessions/current/step-up", operation_id = "stepUpSession", tag = "sessions",
    request_body = StepUp,
    responses((status = 200, body = SteppedUp),
        (status = 403, description = "`people_only`, `user_session_required`"),
        (status = 404, description = "`user_not_found`"),
        (status = 409, description = "`password_changed`: at the same moment."),
        (status = 429, description = "`too_many_codes`: for this account; `too_many_requests`: from this network.")),
    security(("bearer" = [])))]
pub async fn step_up(
    State(app): State<App>,
    caller: Authenticated,
    source: Source,
    Json(shown): Json<StepUp>,
) -> Result<(StatusCode, [(HeaderName, &'static str); 1], Json<SteppedUp>), Problem> {
    let id = logged_in(&caller.claims, &caller.principal)?;
    let user = accounts::find_user(&mut *app.db.pool().acquire().await?, id).await?.ok_or_else(gone)?;
    if let Some(password) = &shown.password {
        app.limiter.admit_for(&BY_PERSON, source, &id.to_string()).await?;
        refuse_wrong(&app, &user, password).await?;
    }
    let mut tx = caller.begin(&app.db).await?;
    // Whoever changes the password or a factor waits, and finds the session.
    if !accounts::keep_password(&mut tx, &user).await? {
        return Err(Problem::conflict("password_changed", "The password was changed meanwhile."));
    }
    let Some(evidence) = evidence(&mut tx, &app, &user, &shown).await? else {
        tx.commit().await?;
        return Err(FieldError::new("proof", "wrong", "is wrong, or was used before").into());
    };
    let session = caller.claims.sid.ok_or_else(ended)?;
    let session = store::add(&mut tx, id, session, evidence, app.ambient.now()).await?.ok_or_else(ended)?;
    tx.commit().await?;
    let signed = Signed::from(&session);
    let token = app.issuer.for_user(&signed).await?;
    let stepped_up = SteppedUp {
        access_token: token.text,
        token_type: "Bearer",
        expires_in: token.seconds,
        acr: crate::factors::authentication::acr(&signed.amr),
    };
    Ok((StatusCode::OK, [NO_STORE], Json(stepped_up)))
}

/// `None` for a proof that is wrong. The password counts only for who has nothing else.
async fn evidence(tx: &mut TenantTx, app: &App, user: &User, shown: &StepUp) -> Result<Option<Evidence>, Problem> {
    let missing = |field, message| Err(FieldError::new(field, "missing", message).into());
    match (&shown.proof, &shown.password) {
        (Some(proof), None) => proving::prove(tx, app, user, proof).await,
        (None, Some(_)) if factors::enrolled(tx, user.id).await?.any() => {
            missing("proof", "is required, as you have a second factor")
        }
        (None, Some(_)) => Ok(Some(Evidence::Password)),
        _ => missing("proof", "or a password is required, and not both"),
    }
}

async fn refuse_wrong(app: &App, user: &User, password: &SecretString) -> Result<(), Problem> {
    match app.hasher.verify(password, Some(&user.password_hash)).await? {
        Verdict::Wrong => Err(FieldError::new("password", "wrong", "is not your password").into()),
        Verdict::Right | Verdict::RightButOutdated => Ok(()),
    }
}

fn gone() -> Problem {
    Problem::not_found("user_not_found", "The caller does not belong to this tenant any more.")
}

fn ended() -> Problem {
    Problem::unauthorized(SESSION_ENDED, "The session has ended. Log in again.")
}
