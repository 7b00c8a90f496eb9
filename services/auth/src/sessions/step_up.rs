//! Step-up: who is logged in proves once more who they are, and gets a token that says so (RFC 9470).

use super::{entries, model::Session, routes::NO_STORE, step_up_store as store};
use crate::{
    accounts::{
        routes::logged_in,
        store::{self as accounts, User},
    },
    app::App,
    factors::{
        authentication::{Evidence, acr},
        proving::{self, Proof},
        store as factors,
    },
    issuer::Signed,
    passkeys::{
        asserting::Asked,
        ceremony::Ceremony,
        challenges,
        options::{self, RequestOptions, Verification},
        routes::CHALLENGES,
        store as passkeys,
    },
    passwords::changing::is_password,
    throttle::Visitor,
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

/// A body that is one of the two.
enum Shown {
    Proof(Proof),
    Password(SecretString),
}

impl StepUp {
    fn check(self) -> Result<Shown, Problem> {
        match (self.proof, self.password) {
            (Some(proof), None) => Ok(Shown::Proof(proof)),
            (None, Some(password)) => Ok(Shown::Password(password)),
            _ => Err(FieldError::new("proof", "missing", "or a password is required, and not both").into()),
        }
    }
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

#[derive(Serialize, ToSchema)]
pub struct StepUpOptions {
    /// Methods of a proof that the person can give; none where the password is asked for.
    #[schema(value_type = Vec<String>, example = json!(["totp", "passkey", "recovery_code"]))]
    methods: Vec<&'static str>,
    /// For who has a passkey.
    #[serde(skip_serializing_if = "Option::is_none")]
    passkey: Option<RequestOptions>,
}

#[utoipa::path(post, path = "/v1/sessions/current/step-up-options", operation_id = "beginStepUp", tag = "sessions",
    responses((status = 200, body = StepUpOptions),
        (status = 403, description = "`people_only`, `user_session_required`, \
            `personal_session_required`"),
        (status = 429, description = "`too_many_requests`: from this network.")),
    security(("bearer" = [])))]
pub async fn begin(
    State(app): State<App>,
    caller: Authenticated,
    source: Source,
) -> Result<([(HeaderName, &'static str); 1], Json<StepUpOptions>), Problem> {
    let user = logged_in(&caller.claims, &caller.principal)?;
    app.limiter.admit_for(&CHALLENGES, source, &user.to_string()).await?;
    let mut tx = app.db.begin_tenantless().await?;
    let enrolled = factors::enrolled(&mut tx, user).await?;
    let mut passkey = None;
    if enrolled.passkeys {
        let challenge = challenges::make(&mut tx, &app, Ceremony::StepUp(user, caller.claims.sid)).await?;
        let mine = passkeys::credential_ids(&mut tx, user).await?;
        passkey = Some(options::request(&app, &challenge, &mine, Verification::Preferred));
    }
    tx.commit().await?;
    Ok(([NO_STORE], Json(StepUpOptions { methods: enrolled.methods(), passkey })))
}

#[utoipa::path(post, path = "/v1/sessions/current/step-up", operation_id = "stepUpSession", tag = "sessions",
    request_body = StepUp,
    responses((status = 200, body = SteppedUp),
        (status = 403, description = "`people_only`, `user_session_required`, \
            `personal_session_required`"),
        (status = 404, description = "`user_not_found`"),
        (status = 409, description = "`password_changed`: at the same moment."),
        (status = 429, description = "`too_many_codes`: for this account; `too_many_requests`: from this network.")),
    security(("bearer" = [])))]
pub async fn step_up(
    State(app): State<App>,
    caller: Authenticated,
    visitor: Visitor,
    Json(shown): Json<StepUp>,
) -> Result<(StatusCode, [(HeaderName, &'static str); 1], Json<SteppedUp>), Problem> {
    let (id, shown) = (logged_in(&caller.claims, &caller.principal)?, shown.check()?);
    let user = accounts::find_user(&mut *app.db.pool().acquire().await?, id).await?.ok_or_else(gone)?;
    if let Shown::Password(password) = &shown {
        check_password(&app, &visitor, &user, password).await?;
    }
    let session = prove_again(&app, &caller, &user, &shown).await?;
    let signed = Signed::from(&session);
    let token = app.issuer.for_user(&signed).await?;
    let stepped_up =
        SteppedUp { access_token: token.text, token_type: "Bearer", expires_in: token.seconds, acr: acr(&signed.amr) };
    Ok((StatusCode::OK, [NO_STORE], Json(stepped_up)))
}

/// The session with what was shown, which is used up by that.
async fn prove_again(app: &App, caller: &Authenticated, user: &User, shown: &Shown) -> Result<Session, Problem> {
    let sid = caller.claims.sid.ok_or_else(ended)?;
    let mut tx = caller.begin(&app.db).await?;
    // Whoever changes the password or a factor waits, and finds the session.
    if !accounts::keep_password(&mut tx, user).await? {
        return Err(Problem::conflict("password_changed", "The password was changed meanwhile."));
    }
    let asked = Ceremony::StepUp(user.id, caller.claims.sid);
    let Some(evidence) = evidence(&mut tx, app, user, shown, asked).await? else {
        tx.commit().await?;
        return Err(FieldError::new("proof", "wrong", "is wrong, or was used before").into());
    };
    let session = store::add(&mut tx, user.id, sid, evidence, app.ambient.now()).await?.ok_or_else(ended)?;
    audit::note(&mut tx, entries::stepped_up(&session));
    tx.commit().await?;
    Ok(session)
}

/// `None` for a proof that is wrong. The password counts only for who has nothing else.
async fn evidence(
    tx: &mut TenantTx,
    app: &App,
    user: &User,
    shown: &Shown,
    asked: Ceremony,
) -> Result<Option<Evidence>, Problem> {
    match shown {
        Shown::Proof(proof) => proving::prove(tx, app, user, proof, Asked::Ceremony(asked)).await,
        Shown::Password(_) if factors::enrolled(tx, user.id).await?.any() => {
            Err(FieldError::new("proof", "missing", "is required, as you have a second factor").into())
        }
        Shown::Password(_) => Ok(Some(Evidence::Password)),
    }
}

/// Whoever has stolen a session may not find out the password by trying.
async fn check_password(app: &App, visitor: &Visitor, user: &User, password: &SecretString) -> Result<(), Problem> {
    let right = app.throttle.guess(visitor, &user.email, is_password(app, user, password)).await?;
    right.ok_or_else(|| FieldError::new("password", "wrong", "is not your password").into())
}

fn gone() -> Problem {
    Problem::not_found("user_not_found", "The caller does not belong to this tenant any more.")
}

fn ended() -> Problem {
    Problem::unauthorized(SESSION_ENDED, "The session has ended. Log in again.")
}
