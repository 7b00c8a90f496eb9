//! The endpoint by which people change their password.

use super::{changing, hasher::Verdict};
use crate::{
    accounts::{
        routes::logged_in,
        store::{self as accounts, User},
    },
    app::App,
    opaque::sha256,
    sessions::ending,
};
use access::Authenticated;
use axum::{extract::State, http::StatusCode};
use common::{
    http::Json,
    limit::Limit,
    problem::{FieldError, Problem},
    source::Source,
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::time::Duration;
use utoipa::ToSchema;

/// Whoever has stolen a session may not find out the password by trying.
const BY_PERSON: Limit = Limit { name: "password", most: 10, window: Duration::from_secs(3600) };

#[derive(Deserialize, ToSchema)]
pub struct PasswordChange {
    #[schema(value_type = String, format = Password, max_length = 256, example = "seven leagues at a stride")]
    current_password: SecretString,
    /// At least 15 characters, none of the commonest passwords, without the address or the name of a tenant.
    #[schema(value_type = String, format = Password, min_length = 15, max_length = 256,
        example = "eight leagues, uphill")]
    new_password: SecretString,
}

#[utoipa::path(post, path = "/v1/me/password", operation_id = "changePassword", tag = "accounts",
    request_body = PasswordChange,
    responses((status = 204), (status = 403, description = "`people_only`, `user_session_required`"),
        (status = 409, description = "`password_changed`: somebody else did so at the same moment."),
        (status = 429, description = "`too_many_requests`: from this network."),
        (status = 503, description = "`sessions_unconfirmed`: it is changed, and the end of other sessions goes on by \
            itself.")),
    security(("bearer" = [])))]
pub async fn change(
    State(app): State<App>,
    caller: Authenticated,
    source: Source,
    Json(change): Json<PasswordChange>,
) -> Result<StatusCode, Problem> {
    let id = logged_in(&caller.claims, &caller.principal)?;
    app.limiter.admit_for(&BY_PERSON, source, &hex::encode(&sha256(&[id.0.as_bytes()])[..16])).await?;
    let gone = || Problem::not_found("user_not_found", "The caller does not belong to this tenant any more.");
    let user = accounts::find_user(&mut *app.db.pool().acquire().await?, id).await?.ok_or_else(gone)?;
    verify(&app, &user, &change).await?;
    changing::check(&app, &user, &change.new_password).await?;
    let new_hash = app.hasher.hash(&change.new_password).await?;
    let mut tx = ending::begin(&app).await?;
    let ended = changing::write(&mut tx, &app, &user, &new_hash, caller.claims.sid).await?;
    tx.commit().await?;
    ending::tell(&app, &ended).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn verify(app: &App, user: &User, change: &PasswordChange) -> Result<(), Problem> {
    let refused = |field, code, message| Err(Problem::invalid(vec![FieldError::new(field, code, message)]));
    if app.hasher.verify(&change.current_password, Some(&user.password_hash)).await? == Verdict::Wrong {
        return refused("current_password", "wrong", "is not your password");
    }
    if change.current_password.expose_secret() == change.new_password.expose_secret() {
        return refused("new_password", "unchanged", "is the password that you have");
    }
    Ok(())
}
