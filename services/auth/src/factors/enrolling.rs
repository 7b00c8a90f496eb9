//! Enrolment and removal of an authenticator app, and new recovery codes.

use super::{base32, changing, proving, recovery, store, totp};
use crate::{accounts::store::User, app::App, factors::authentication::Evidence, sessions::step_up_store as sessions};
use common::problem::{FieldError, Problem};
use contracts::{
    id::{SessionId, UserId},
    mails::FactorChange,
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;

/// What an authenticator app is set up with. It is shown once.
#[derive(Serialize, ToSchema)]
pub struct NewTotp {
    /// In base32, to be typed.
    #[schema(format = Password, example = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")]
    secret: String,
    /// The same, to be shown as a QR code.
    #[schema(format = "uri", example = "otpauth://totp/Sevenleague:ada%40acme%2Etest?secret=GEZDGNBVGY3TQOJQGEZDGNBV")]
    uri: String,
}

/// Body of a confirmation: the app shows that it has the secret.
#[derive(Deserialize, ToSchema)]
pub struct TotpConfirmation {
    #[schema(value_type = String, format = Password, example = "287082")]
    pub code: SecretString,
}

/// Codes that work once each, shown once.
#[derive(Serialize, ToSchema)]
pub struct RecoveryCodes {
    /// Absent if the person has some already.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(["GAYT-EMZU-GU3D-OOBZ"]))]
    pub recovery_codes: Option<Vec<String>>,
}

/// A new secret, which proves nothing until it is confirmed.
pub async fn begin_totp(conn: &mut PgConnection, app: &App, user: &User) -> Result<NewTotp, Problem> {
    let secret = app.ambient.bytes::<{ totp::SECRET_LEN }>();
    let sealed = app.factor_sealer.seal(&app.ambient, user.id.0.as_bytes(), &secret);
    if !store::begin_totp(conn, user.id, &sealed, app.ambient.now()).await? {
        return Err(Problem::conflict("totp_exists", "You have an authenticator app already. Remove it first."));
    }
    Ok(NewTotp { secret: base32::encode(&secret), uri: totp::uri(&secret, &user.email) })
}

/// Takes the first code of the app that was begun. The user must be locked.
pub async fn confirm_totp(conn: &mut PgConnection, app: &App, user: &User, code: &SecretString) -> Result<(), Problem> {
    let (code, now) = (proving::read("code", code)?, app.ambient.now());
    let begun = store::lock_unconfirmed_totp(conn, user.id, now - totp::UNCONFIRMED).await?;
    let begun = begun.ok_or_else(|| Problem::conflict("totp_not_begun", "Begin with a new secret."))?;
    let wrong = || FieldError::new("code", "wrong", "is not what the app shows now; look at its clock");
    let step = proving::matching_step(app, user, &begun, &code)?.ok_or_else(wrong)?;
    Ok(store::take_step(conn, user.id, step, now).await?)
}

/// Confirms by the person's own session, which has shown a second factor by that.
pub async fn add_totp(
    app: &App,
    user: UserId,
    session: Option<SessionId>,
    code: &SecretString,
) -> Result<RecoveryCodes, Problem> {
    let (mut tx, user) = changing::begin(app, user).await?;
    confirm_totp(&mut tx, app, &user, code).await?;
    let recovery_codes = recovery::make_first(&mut tx, &app.ambient, user.id).await?;
    if let Some(session) = session {
        sessions::add(&mut tx, user.id, session, Evidence::OneTimeCode, app.ambient.now()).await?;
    }
    changing::finish(tx, app, &user, session, FactorChange::TotpAdded).await?;
    Ok(RecoveryCodes { recovery_codes })
}

pub async fn remove_totp(app: &App, user: UserId, session: Option<SessionId>) -> Result<(), Problem> {
    let (mut tx, user) = changing::begin(app, user).await?;
    if !store::delete_totp(&mut tx, user.id).await? {
        return Err(Problem::not_found("totp_not_found", "You have no authenticator app."));
    }
    end_codes_of_last(&mut tx, user.id).await?;
    changing::finish(tx, app, &user, session, FactorChange::TotpRemoved).await
}

/// Recovery codes stand for another factor and end with the last one.
pub async fn end_codes_of_last(conn: &mut PgConnection, user: UserId) -> sqlx::Result<()> {
    if !store::enrolled(conn, user).await?.any() {
        store::replace_recovery_codes(conn, user, &[]).await?;
    }
    Ok(())
}

pub async fn remake_codes(app: &App, user: UserId, session: Option<SessionId>) -> Result<RecoveryCodes, Problem> {
    let (mut tx, user) = changing::begin(app, user).await?;
    if !store::enrolled(&mut tx, user.id).await?.any() {
        let detail = "Recovery codes are for who has a second factor. Enrol one first.";
        return Err(Problem::conflict("no_second_factor", detail));
    }
    let recovery_codes = Some(recovery::make(&mut tx, &app.ambient, user.id).await?);
    changing::finish(tx, app, &user, session, FactorChange::RecoveryCodesMade).await?;
    Ok(RecoveryCodes { recovery_codes })
}
