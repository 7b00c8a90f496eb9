//! What happens when the setup form is submitted? Wrong, it says what is wrong; right, it is stored and the migration is ordered, in one commit.

use super::store::{self, SealedCode};
use crate::{
    app::App,
    catalog,
    instances::{self, model::State, model::Step, routes::not_written, setup, store::Instance},
    jobs,
    secrets::Purpose,
};
use chrono::TimeDelta;
use common::problem::{FieldError, Problem};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Map, Value};
use sqlx::{PgConnection, types::Json};
use utoipa::ToSchema;

/// After so many wrong codes none is looked at for a while.
const WRONG_CODES: i32 = 10;
/// So 40 bits withstand guessing for ages, and a person who mistyped waits little.
const PAUSE: TimeDelta = TimeDelta::minutes(1);
/// The field of the form that every fault of the code is about.
const CODE_FIELD: &str = "setup_code";

/// The setup form, filled in.
#[derive(Clone, Deserialize, ToSchema)]
pub struct Submission {
    /// What the tenant sees as the instance's `setup_code`; case, spaces and dashes do not matter.
    #[schema(example = "K7PW-3XQA")]
    pub setup_code: String,
    /// Values for the properties of the manifest's setup schema.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub settings: Map<String, Value>,
}

/// Takes the form for a locked instance and gives the state that it enters. A refusal may have counted a wrong code, so commit in any case.
pub async fn submit(conn: &mut PgConnection, app: &App, mut instance: Instance, form: Submission) -> Result<State, Problem> {
    let codes = store::setup_codes(conn, &[instance.id.0]).await?;
    let (Some(next), Some(code)) = (instance.state.after(Step::SetUp), codes.first()) else {
        return Err(Problem::conflict("not_awaiting_setup", "This instance does not wait for its setup form."));
    };
    let mut errors = check_code(conn, app, &instance, code, &form.setup_code).await?;
    errors.extend(check_settings(conn, &instance, &form.settings).await?);
    if !errors.is_empty() {
        return Err(Problem::invalid(errors));
    }
    instances::store::set_settings(conn, instance.id, &form.settings).await?;
    instance.settings = Json(form.settings);
    store::forget_code(conn, instance.id).await?;
    jobs::enter(conn, &app.ambient, &instance, next).await.map_err(not_written)?;
    Ok(next)
}

async fn check_code(conn: &mut PgConnection, app: &App, instance: &Instance, code: &SealedCode, given: &str) -> Result<Vec<FieldError>, Problem> {
    let now = app.ambient.now();
    if code.codes_from.is_some_and(|from| now < from) {
        return Ok(vec![FieldError::new(CODE_FIELD, "too_many_tries", "was wrong too often; try again in a minute")]);
    }
    let expected = app.sealer.open(instance.id, Purpose::SetupCode, &code.setup_code).map_err(|error| Problem::internal(&error))?;
    if setup::is_code(given, expected.expose_secret()) {
        return Ok(Vec::new());
    }
    let wrong = code.wrong_codes + 1;
    let (wrong, from) = if wrong >= WRONG_CODES { (0, Some(now + PAUSE)) } else { (wrong, None) };
    store::count_wrong_code(conn, instance.id, wrong, from).await?;
    Ok(vec![FieldError::new(CODE_FIELD, "wrong", "is not this instance's setup code")])
}

async fn check_settings(conn: &mut PgConnection, instance: &Instance, settings: &Map<String, Value>) -> Result<Vec<FieldError>, Problem> {
    let manifest = catalog::store::version(conn, &instance.service, &instance.version).await?.ok_or_else(instances::view::not_found)?;
    let validator = setup::validator(&manifest.setup).map_err(|fault| Problem::internal(&BrokenSchema(fault)))?;
    Ok(setup::faults(&validator, settings))
}

/// It compiled when it was published.
#[derive(Debug, thiserror::Error)]
#[error("the setup schema of a published manifest does not compile: {0}")]
struct BrokenSchema(String);
