//! Submission of the setup form: wrong, it is answered with what is wrong; right, it is stored and the migration
//! ordered, in one commit.
//!
//! The code is looked at before anything is locked or limited: whatever strangers submit, the right code is taken.

use super::{lookup, store};
use crate::{
    app::App,
    catalog,
    instances::{
        self,
        model::{self, InstanceState, Step},
        setup,
        store::Instance,
        transitions,
    },
    secrets::Purpose,
    suspension,
};
use common::{
    db::TenantTx,
    limit::Limit,
    problem::{FieldError, Problem},
    source::Source,
};
use contracts::http::instances::SetupSubmission;
use secrecy::ExposeSecret;
use serde_json::{Map, Value};
use sqlx::types::Json;
use std::time::Duration;

/// Wrong codes of one source, for whichever instance. A code cannot be guessed; this only spares us the guessing.
const WRONG_CODES: Limit = Limit { name: "setup_code", most: 10, window: Duration::from_secs(60) };
/// The field of the form that every fault of the code is about.
const CODE_FIELD: &str = "setup_code";

/// Takes the form for the instance of `client_id` on `host`, filled in by `source`, and gives the state that it enters.
pub async fn submit(
    app: &App,
    client_id: &str,
    host: &str,
    form: SetupSubmission,
    source: Source,
) -> Result<InstanceState, Problem> {
    let (mut tx, instance) = lookup::on_host(&app.db, client_id, host).await?;
    suspension::refuse(&mut tx).await?;
    let is_right = is_right(&mut tx, app, &instance, &form.setup_code).await?;
    let mut errors = check_settings(&mut tx, &instance, &form.settings).await?;
    let tenant = tx.scope();
    tx.commit().await?;
    if !is_right {
        app.limiter.admit(&WRONG_CODES, source).await?;
        errors.push(FieldError::new(CODE_FIELD, "wrong", "is not this instance's setup code"));
    }
    if !errors.is_empty() {
        return Err(Problem::invalid(errors));
    }
    let mut tx = tenant.begin().await?;
    let state = take(&mut tx, instance, form).await?;
    tx.commit().await?;
    Ok(state)
}

/// Stores what is right, unless somebody else was quicker.
async fn take(tx: &mut TenantTx, seen: Instance, form: SetupSubmission) -> Result<InstanceState, Problem> {
    let mut instance = instances::store::lock(tx, seen.id).await?.ok_or_else(instances::view::not_found)?;
    let next = model::after(instance.state, Step::SetUp).ok_or_else(not_awaiting_setup)?;
    instances::store::set_settings(tx, instance.id, &form.settings).await?;
    instance.settings = Json(form.settings);
    store::forget_code(tx, instance.id).await?;
    transitions::enter(tx, &instance, next).await?;
    Ok(next)
}

async fn is_right(tx: &mut TenantTx, app: &App, instance: &Instance, given: &str) -> Result<bool, Problem> {
    let codes = store::setup_codes(tx, &[instance.id.0]).await?;
    let (Some(_), Some(code)) = (model::after(instance.state, Step::SetUp), codes.first()) else {
        return Err(not_awaiting_setup());
    };
    let expected = app.sealer.open(instance.id, Purpose::SetupCode, &code.setup_code)?;
    Ok(setup::is_code(given, expected.expose_secret()))
}

fn not_awaiting_setup() -> Problem {
    Problem::conflict("not_awaiting_setup", "This instance does not wait for its setup form.")
}

async fn check_settings(
    tx: &mut TenantTx,
    instance: &Instance,
    settings: &Map<String, Value>,
) -> Result<Vec<FieldError>, Problem> {
    let manifest = catalog::store::version(tx, &instance.service, &instance.version)
        .await?
        .ok_or_else(instances::view::not_found)?;
    let validator = setup::validator(&manifest.setup).map_err(|fault| Problem::internal(&BrokenSchema(fault)))?;
    Ok(setup::faults(&validator, settings))
}

/// It compiled when it was published.
#[derive(Debug, thiserror::Error)]
#[error("the setup schema of a published manifest does not compile: {0}")]
struct BrokenSchema(String);
