//! The second step of a log-in: the endpoint where a challenge and a proof become a session.

use super::{
    model::Alive,
    opening,
    routes::{Begun, begun},
};
use crate::{
    accounts::store::{Tenant, User},
    app::App,
    factors::{
        authentication::{Evidence, amr},
        challenges::{self, Found},
        proving::{self, Proof},
    },
    logins::LogIn,
    opaque::OpaqueToken,
    passkeys::asserting::Asked,
    throttle::Visitor,
};
use axum::extract::State;
use common::{db::TenantTx, http::Json, problem::Problem};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

/// Body of `POST /v1/sessions/second-factor`.
#[derive(Deserialize, ToSchema)]
pub struct SecondFactorLogIn {
    /// From the answer to the log-in.
    #[schema(value_type = String, format = Password)]
    challenge: SecretString,
    proof: Proof,
}

#[utoipa::path(post, path = "/v1/sessions/second-factor", operation_id = "logInWithSecondFactor", tag = "sessions",
    request_body = SecondFactorLogIn,
    responses((status = 201, body = LogIn, headers(("Set-Cookie" = String))),
        (status = 401, description = "`second_factor_wrong`; `credentials_wrong`: the password was changed meanwhile."),
        (status = 403, description = "`not_a_member`"),
        (status = 410, description = "`login_challenge_over`"),
        (status = 429, description = "`too_many_codes`: for this account.")),
    extensions(("x-no-idempotency-key" = json!("A challenge works once, and no tokens are kept."))),
    security(()))]
pub async fn complete(
    State(app): State<App>,
    visitor: Visitor,
    Json(request): Json<SecondFactorLogIn>,
) -> Result<Begun, Problem> {
    let challenge = OpaqueToken::shown(request.challenge.expose_secret());
    let (alive, user, tenant) = log_in(&app, &challenge, &request.proof).await?;
    begun(&app, &visitor, alive, user, tenant).await
}

/// Begins the session that the challenge stands for.
pub async fn log_in(app: &App, challenge: &OpaqueToken, proof: &Proof) -> Result<(Alive, User, Tenant), Problem> {
    let Proved { mut tx, found, amr } = prove(app, challenge, proof).await?;
    let alive = opening::open(&mut tx, app, found.user.id, amr).await?;
    tx.commit().await?;
    Ok((alive, found.user, found.tenant))
}

/// A challenge that was met, with its proof used up in `tx`: commit it with what it was for.
pub struct Proved {
    pub tx: TenantTx,
    pub found: Found,
    /// Of password and proof.
    pub amr: Vec<String>,
}

/// Compares a proof with a challenge. It is used up with what follows and only then: what fails for a fault of ours may
/// be tried again.
pub async fn prove(app: &App, challenge: &OpaqueToken, proof: &Proof) -> Result<Proved, Problem> {
    let found = challenges::find(app, challenge).await?;
    let mut tx = opening::admit(&found.user, &found.scope).await?;
    challenges::lock(&mut tx, &found.waiting).await?;
    let asked = Asked::LogIn(challenge);
    let Some(evidence) = proving::prove(&mut tx, app, &found.user, proof, asked).await? else {
        challenges::count_wrong(&mut tx, &found.waiting).await?;
        tx.commit().await?;
        return Err(proving::wrong());
    };
    challenges::use_up(&mut tx, &found.waiting).await?;
    Ok(Proved { tx, found, amr: amr(&[], &[Evidence::Password, evidence]) })
}
