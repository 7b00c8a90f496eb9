//! One passkey as its owner sees and renames it.

use super::{
    registering::no_such_passkey,
    store::{self, Passkey},
};
use crate::{app::App, registrations::model};
use audit::Entry;
use common::{http::IfMatch, problem::Problem};
use contracts::id::UserId;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

/// Body of `PUT /v1/me/second-factors/passkeys/{id}`.
#[derive(Deserialize, ToSchema)]
pub struct PasskeyName {
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 100, example = "Ada's new telephone")]
    name: Option<String>,
}

pub async fn find(app: &App, user: UserId, id: Uuid) -> Result<Passkey, Problem> {
    let mine = store::of_user(&mut *app.db.pool().acquire().await?, user).await?;
    mine.into_iter().find(|passkey| passkey.id == id).ok_or_else(no_such_passkey)
}

pub async fn rename(app: &App, user: UserId, id: Uuid, read: &IfMatch, named: PasskeyName) -> Result<Passkey, Problem> {
    let mut faults = Vec::new();
    let name = model::name("name", named.name.as_deref(), &mut faults).ok_or_else(|| Problem::invalid(faults))?;
    let mut tx = app.db.begin_tenantless().await?;
    let passkey = store::lock(&mut tx, user, id).await?.ok_or_else(no_such_passkey)?;
    read.check(passkey.revision, "passkey_edited")?;
    store::rename(&mut tx, user, id, &name).await?;
    let (before, after) = (json!({"name": passkey.name}), json!({"name": name.as_str()}));
    audit::note_of_platform(
        &mut tx,
        Entry::new("passkey.renamed", format!("passkey:{id}")).before(before).after(after),
    );
    tx.commit().await?;
    Ok(Passkey { name: name.as_str().to_owned(), revision: passkey.revision + 1, ..passkey })
}
