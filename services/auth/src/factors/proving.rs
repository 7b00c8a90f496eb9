//! Proof of a second factor: is it right, and was it not used before?

use super::{
    authentication::Evidence,
    entries, recovery,
    store::{self, Totp},
    totp::{self, Code},
};
use crate::{
    accounts::store::User,
    app::App,
    mail,
    passkeys::{
        asserting::{Asked, assert},
        options::Verification,
        verification::AssertionCredential,
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use common::{
    db::TenantTx,
    problem::{FieldError, Problem, Quota},
};
use contracts::mails::FactorChange;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

/// Wrong codes of a person in [`WRONG_CODES_IN`]; some 0.07 % of a million codes a day then. They come only from who
/// has the password or a session: nobody else can use them up. Recovery codes and passkeys cannot be guessed and go on
/// working.
const MOST_WRONG_CODES: i16 = 10;
const WRONG_CODES_IN: TimeDelta = TimeDelta::hours(1);

/// What somebody shows besides the password.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum Proof {
    /// The six digits of an authenticator app.
    Totp {
        #[schema(value_type = String, format = Password, example = "287082")]
        code: SecretString,
    },
    /// One of the codes that were given when the first factor was enrolled, or later. It works once.
    RecoveryCode {
        #[schema(value_type = String, format = Password, example = "GAYT-EMZU-GU3D-OOBZ")]
        code: SecretString,
    },
    /// The answer of a passkey to the options that came with the challenge.
    Passkey { credential: AssertionCredential },
}

/// What the proof is worth; `None` if it is wrong, which is then to be committed. The user must be locked.
pub async fn prove(
    tx: &mut TenantTx,
    app: &App,
    user: &User,
    proof: &Proof,
    asked: Asked<'_>,
) -> Result<Option<Evidence>, Problem> {
    let right = match proof {
        Proof::Totp { code } => totp(tx, app, user, code).await?,
        Proof::RecoveryCode { code } => recovery_code(tx, app, user, code).await?,
        Proof::Passkey { credential } => {
            return Ok(assert(tx, app, user.id, credential, asked, Verification::Preferred).await?);
        }
    };
    Ok(right.then_some(Evidence::OneTimeCode))
}

async fn totp(tx: &mut TenantTx, app: &App, user: &User, code: &SecretString) -> Result<bool, Problem> {
    let code = read("proof.code", code)?;
    let Some(factor) = store::lock_totp(tx, user.id).await? else { return Ok(false) };
    let now = app.ambient.now();
    let lately = wrong_lately(&factor, now)?;
    if let Some(step) = matching_step(app, user, &factor, &code)? {
        store::take_step(tx, user.id, step, now).await?;
        return Ok(true);
    }
    let (wrong, since) = lately.map_or((1, now), |since| (factor.wrong_codes + 1, since));
    store::note_wrong_codes(tx, user.id, wrong, since).await?;
    Ok(false)
}

async fn recovery_code(tx: &mut TenantTx, app: &App, user: &User, code: &SecretString) -> Result<bool, Problem> {
    let right = recovery::use_up(tx, user.id, code).await?;
    if right {
        let (id, now) = (app.ambient.uuid(), app.ambient.now());
        let mail = mail::second_factor_changed(id, &user.email, FactorChange::RecoveryCodeUsed, now);
        messaging::publish(tx, &mail).await?;
        audit::note_of_platform(tx, entries::changed(user.id, FactorChange::RecoveryCodeUsed));
    }
    Ok(right)
}

/// Six digits, or 422 for the field.
pub fn read(field: &str, code: &SecretString) -> Result<Code, Problem> {
    let code = Code::read(code.expose_secret());
    code.ok_or_else(|| FieldError::new(field, "malformed", "must be six digits").into())
}

/// The step whose code this is, unless it or a later one was taken.
pub fn matching_step(app: &App, user: &User, factor: &Totp, code: &Code) -> Result<Option<i64>, Problem> {
    let secret = app.factor_sealer.open(user.id.0.as_bytes(), &factor.sealed_secret);
    let secret = secret.map_err(|error| Problem::internal(&error))?;
    Ok(totp::step_of(&secret, code, app.ambient.now(), factor.last_step))
}

/// Since when wrong codes are counted, if any are; 429 if there are too many.
fn wrong_lately(factor: &Totp, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, Problem> {
    let since = factor.wrong_since.filter(|since| now < *since + WRONG_CODES_IN);
    match since {
        Some(since) if factor.wrong_codes >= MOST_WRONG_CODES => {
            let seconds = |time: TimeDelta| u32::try_from(time.num_seconds()).unwrap_or_default();
            let quota = Quota {
                limit: MOST_WRONG_CODES.unsigned_abs().into(),
                window: seconds(WRONG_CODES_IN),
                remaining: 0,
                reset: seconds(since + WRONG_CODES_IN - now).max(1),
            };
            let detail = "Too many wrong codes for this account. Wait, or use a passkey or a recovery code.";
            Err(Problem::too_many_requests("too_many_codes", detail, quota))
        }
        since => Ok(since),
    }
}

/// The proof does not fit, or was used before.
pub fn wrong() -> Problem {
    Problem::unauthorized("second_factor_wrong", "The code or the passkey is wrong, or it was used before.")
}
