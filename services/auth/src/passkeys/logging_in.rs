//! The log-in by a passkey alone: it says whose it is, and its device knows its owner.

use super::{
    asserting::{self, Asked},
    ceremony::Ceremony,
    challenges,
    options::{self, RequestOptions, Verification},
    store,
    verification::AssertionCredential,
};
use crate::{
    accounts::refusals::not_a_member,
    accounts::store::{self as accounts, Tenant, User},
    app::App,
    factors::authentication::amr,
    sessions::{model::Alive, opening},
};
use common::problem::Problem;
use contracts::id::TenantId;
use serde::Deserialize;
use utoipa::ToSchema;

/// Body of `POST /v1/sessions/passkey`.
#[derive(Deserialize, ToSchema)]
pub struct PasskeyLogIn {
    credential: AssertionCredential,
    /// Tenant to act in; absent means the one joined first.
    tenant_id: Option<TenantId>,
}

/// What the browser asks an authenticator by.
pub async fn begin(app: &App) -> Result<RequestOptions, Problem> {
    let mut tx = app.db.begin_tenantless().await?;
    let challenge = challenges::make(&mut tx, app, Ceremony::LogIn).await?;
    tx.commit().await?;
    Ok(options::request(app, &challenge, &[], Verification::Required))
}

/// The challenge is used up with the log-in, and only then.
pub async fn log_in(app: &App, request: &PasskeyLogIn) -> Result<(Alive, User, Tenant), Problem> {
    let assertion = request.credential.verify(&app.relying_party).map_err(|_| wrong())?;
    let mut lookup = app.db.begin_lookup().await?;
    let owner = store::owner(&mut lookup, &assertion.credential_id).await?.ok_or_else(wrong)?;
    let user = accounts::find_user(&mut lookup, owner).await?.ok_or_else(wrong)?;
    let tenant = accounts::choose_tenant(&mut lookup, owner, request.tenant_id).await?.ok_or_else(not_a_member)?;
    let mut tx = opening::admit(&user, &lookup.found(tenant.id)).await?;
    let (asked, verification) = (Asked::Ceremony(Ceremony::LogIn), Verification::Required);
    let evidence = asserting::assert(&mut tx, app, owner, &request.credential, asked, verification).await?;
    let evidence = evidence.ok_or_else(wrong)?;
    let alive = opening::open(&mut tx, app, owner, amr(&[], &[evidence])).await?;
    tx.commit().await?;
    Ok((alive, user, tenant))
}

/// The same for every reason: who has which passkeys is nobody's business.
fn wrong() -> Problem {
    Problem::unauthorized("passkey_wrong", "The passkey is not known, or its answer is not right. Try again.")
}
