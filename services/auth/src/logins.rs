//! The log-in: the password check, and the answer to a log-in or a refresh.

use crate::{
    accounts::{
        refusals::{credentials_wrong, not_a_member},
        routes::Person,
        store::{self as accounts, Tenant, User},
    },
    app::App,
    email::Email,
    factors::{
        asking::{self, SecondFactorRequired},
        authentication::by_password,
        store as factors,
    },
    issuer::Signed,
    passwords::hasher::Verdict,
    policy::store as policy,
    registrations::model,
    sessions::{
        model::{Alive, Session},
        opening,
    },
    throttle::Visitor,
};
use access::{FillAnswer, FillRequest};
use common::{
    db::TenantScope,
    problem::{Chain, Problem},
};
use contracts::id::{Principal, SessionId, TenantId, UserId};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, time::Duration};
use tokio::time::timeout;
use utoipa::ToSchema;

/// A log-in waits no longer for the permission service, without which it works as well.
const LONGEST_WAIT_FOR_PERMISSIONS: Duration = Duration::from_secs(2);

/// Body of `POST /v1/sessions`.
#[derive(Deserialize, ToSchema)]
pub struct LogInRequest {
    #[schema(format = Email, example = "ada@acme.test")]
    email: String,
    #[schema(value_type = String, format = Password, example = "seven leagues at a stride")]
    password: SecretString,
    /// Tenant to act in; absent means the one joined first.
    tenant_id: Option<TenantId>,
}

/// Answer to a log-in and to a refresh.
#[derive(Serialize, ToSchema)]
pub struct LogIn {
    access_token: String,
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds until the access token expires.
    #[schema(example = 600)]
    expires_in: u64,
    /// Works once; also set as an HttpOnly cookie.
    refresh_token: String,
    session_id: SessionId,
    user: Person,
    tenant: Tenant,
    /// What the user may do in the tenant; absent if the permission service cannot be asked right now.
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions: Option<BTreeSet<String>>,
}

/// The user whose credentials these are, and the tenant to act in.
pub async fn authenticate(
    app: &App,
    visitor: &Visitor,
    request: LogInRequest,
) -> Result<(User, Tenant, TenantScope), Problem> {
    let mut faults = Vec::new();
    let email = model::email("email", Some(&request.email), &mut faults).ok_or_else(|| Problem::invalid(faults))?;
    let user = identify(app, visitor, &email, &request.password).await?;
    let mut lookup = app.db.begin_lookup().await?;
    let tenant = accounts::choose_tenant(&mut lookup, user.id, request.tenant_id).await?.ok_or_else(not_a_member)?;
    let scope = lookup.found(tenant.id);
    Ok((user, tenant, scope))
}

/// The user whose address and password these are; 429 for whoever tried too often.
pub async fn identify(app: &App, visitor: &Visitor, email: &Email, password: &SecretString) -> Result<User, Problem> {
    let check = check_password(app, email, password);
    let user = app.throttle.guess(visitor, email.as_str(), check).await?.ok_or_else(credentials_wrong)?;
    app.throttle.log_in(visitor, email.as_str()).await?;
    Ok(user)
}

/// The user of the address if it is their password.
async fn check_password(app: &App, email: &Email, password: &SecretString) -> Result<Option<User>, Problem> {
    let user = accounts::find_user_by_email(&mut *app.db.pool().acquire().await?, email).await?;
    // Also without a user a password is compared, so that every answer takes the same time.
    let verdict = app.hasher.verify(password, user.as_ref().map(|user| &*user.password_hash)).await?;
    let Some(user) = user.filter(|_| verdict != Verdict::Wrong) else { return Ok(None) };
    if verdict == Verdict::RightButOutdated {
        let new_hash = app.hasher.hash(password).await?;
        accounts::replace_hash(&mut *app.db.pool().acquire().await?, &user, &new_hash).await?;
    }
    Ok(Some(user))
}

/// What a right password comes to.
pub enum Outcome {
    LoggedIn(Alive),
    SecondFactorRequired(SecondFactorRequired),
}

/// Begins a session of whom [`authenticate`] knows by the password, unless they have a second factor or the tenant
/// demands one.
pub async fn log_in(app: &App, user: &User, tenant: &TenantScope) -> Result<Outcome, Problem> {
    let mut tx = opening::admit(user, tenant).await?;
    let enrolled = factors::enrolled(&mut tx, user.id).await?;
    let outcome = if enrolled.any() || policy::demands_second_factor(&mut tx).await? {
        Outcome::SecondFactorRequired(asking::ask(&mut tx, app, user, enrolled).await?)
    } else {
        Outcome::LoggedIn(opening::open(&mut tx, app, user.id, by_password()).await?)
    };
    tx.commit().await?;
    Ok(outcome)
}

/// The user and the tenant of a session.
pub async fn who(app: &App, session: &Session) -> Result<(User, Tenant), Problem> {
    let mut tx = app.db.begin_lookup().await?.enter(session.tenant_id).await?;
    let user = accounts::find_user(&mut tx, session.user_id).await?;
    let tenant = accounts::tenant_of_member(&mut tx, session.user_id).await?;
    user.zip(tenant).ok_or_else(not_a_member)
}

/// Tokens and permissions of a session that is alive.
pub async fn answer(app: &App, alive: Alive, user: User, tenant: Tenant) -> Result<LogIn, Problem> {
    let token = app.issuer.for_user(&Signed::from(&alive.session)).await?;
    Ok(LogIn {
        access_token: token.text,
        token_type: "Bearer",
        expires_in: token.seconds,
        refresh_token: alive.refresh_token.expose().to_owned(),
        session_id: alive.session.id,
        permissions: permissions(app, tenant.id, user.id).await,
        user: user.into(),
        tenant,
    })
}

/// Asks the permission service, which warms its cache by that.
async fn permissions(app: &App, tenant: TenantId, user: UserId) -> Option<BTreeSet<String>> {
    let url = format!("{}/internal/records", app.base.permission_url);
    let request = FillRequest { tenant_id: tenant, principal: Principal::User(user) };
    match timeout(LONGEST_WAIT_FOR_PERMISSIONS, app.client.post::<_, FillAnswer>(&url, &request)).await {
        Ok(Ok(answer)) => Some(answer.permissions),
        Ok(Err(error)) => {
            tracing::warn!(error = %Chain(&error), "A log-in is answered without permissions");
            None
        }
        Err(_) => {
            tracing::warn!("A log-in is answered without permissions: the permission service took too long");
            None
        }
    }
}
