//! Enrolment and removal of passkeys.

use super::{
    ceremony::Ceremony,
    challenges,
    options::{self, CreationOptions},
    store::{self, ENROLLED, Passkey},
    verification::{Registration, RegistrationCredential},
};
use crate::{
    app::App,
    factors::{authentication::Evidence, changing, enrolling::end_codes_of_last, recent::Recent, recovery},
    name::Name,
    registrations::model,
    sessions::step_up_store as sessions,
};
use common::problem::{FieldError, Problem, constraint};
use contracts::mails::FactorChange;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Of a person: one for each device there may be, and a list that is short to show and to send.
const MOST_PASSKEYS: usize = 20;

/// Body of `POST /v1/me/second-factors/passkeys`.
#[derive(Deserialize, ToSchema)]
pub struct NewPasskey {
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 100, example = "Ada's telephone")]
    name: Option<String>,
    credential: RegistrationCredential,
}

#[derive(Serialize, ToSchema)]
pub struct AddedPasskey {
    #[serde(flatten)]
    pub passkey: Passkey,
    /// Codes that work once each, shown once; absent if the person has some already.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(["GAYT-EMZU-GU3D-OOBZ"]))]
    pub recovery_codes: Option<Vec<String>>,
}

/// What the browser makes a key by.
pub async fn begin(app: &App, caller: &Recent) -> Result<CreationOptions, Problem> {
    let (mut tx, user) = changing::begin(app, caller.user).await?;
    let present = store::credential_ids(&mut tx, user.id).await?;
    if present.len() >= MOST_PASSKEYS {
        return Err(too_many());
    }
    let challenge = challenges::make(&mut tx, app, Ceremony::Registration(user.id, caller.session)).await?;
    tx.commit().await?;
    Ok(options::creation(app, &user, &challenge, &present))
}

pub async fn add(app: &App, caller: &Recent, new: NewPasskey) -> Result<AddedPasskey, Problem> {
    let (name, made) = new.check(app)?;
    let now = app.ambient.now();
    let (mut tx, user) = changing::begin(app, caller.user).await?;
    if !challenges::take(&mut tx, app, Ceremony::Registration(user.id, caller.session), &made.challenge).await? {
        let detail = "The passkey took too long, or its challenge was for something else. Begin again.";
        return Err(Problem::gone("passkey_challenge_over", detail));
    }
    if store::credential_ids(&mut tx, user.id).await?.len() >= MOST_PASSKEYS {
        return Err(too_many());
    }
    let passkey = Passkey {
        id: app.ambient.uuid(),
        name: name.as_str().to_owned(),
        synced: made.synced,
        created_at: now,
        last_used_at: None,
        revision: 1,
    };
    store::insert(&mut tx, user.id, &passkey, &made).await.map_err(|error| match constraint(&error) {
        Some(ENROLLED) => Problem::conflict("passkey_exists", "This passkey is enrolled already."),
        _ => error.into(),
    })?;
    let recovery_codes = recovery::make_first(&mut tx, &app.ambient, user.id).await?;
    if let Some(session) = caller.session {
        let shown = Evidence::Passkey { synced: made.synced, verified: made.verified };
        sessions::add(&mut tx, user.id, session, shown, now).await?;
    }
    changing::finish(tx, app, &user, caller.session, FactorChange::PasskeyAdded).await?;
    Ok(AddedPasskey { passkey, recovery_codes })
}

pub async fn remove(app: &App, caller: &Recent, id: Uuid) -> Result<(), Problem> {
    let (mut tx, user) = changing::begin(app, caller.user).await?;
    if !store::delete(&mut tx, user.id, id).await? {
        return Err(no_such_passkey());
    }
    end_codes_of_last(&mut tx, user.id).await?;
    changing::finish(tx, app, &user, caller.session, FactorChange::PasskeyRemoved).await
}

impl NewPasskey {
    fn check(self, app: &App) -> Result<(Name, Registration), Problem> {
        let mut faults = Vec::new();
        let name = model::name("name", self.name.as_deref(), &mut faults);
        let made = self.credential.verify(&app.relying_party);
        let made = made.map_err(|fault| faults.push(FieldError::new("credential", "malformed", fault.to_string())));
        name.zip(made.ok()).ok_or_else(|| Problem::invalid(faults))
    }
}

pub fn no_such_passkey() -> Problem {
    Problem::not_found("passkey_not_found", "You have no such passkey.")
}

fn too_many() -> Problem {
    let detail = format!("You have {MOST_PASSKEYS} passkeys already. Remove one first.");
    Problem::conflict("too_many_passkeys", detail)
}
