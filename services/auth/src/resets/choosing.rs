//! The choice of a new password by the link in the mail.

use super::store::{self, Open};
use crate::{
    accounts::store as accounts,
    app::App,
    opaque::{OpaqueToken, link_used},
    passwords::changing,
    sessions::ending,
};
use audit::Entry;
use common::problem::Problem;
use contracts::id::Principal;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Body of `POST /v1/password-resets/{token}`, as JSON or as a form.
#[derive(Deserialize, ToSchema)]
pub struct NewPassword {
    /// At least 15 characters, none of the commonest passwords, without the address or the name of a tenant.
    #[schema(value_type = String, format = Password, min_length = 15, max_length = 256,
        example = "eight leagues, uphill")]
    new_password: SecretString,
}

#[derive(Serialize, ToSchema)]
pub struct Reset {
    /// Whose password it is.
    #[schema(format = Email, example = "ada@acme.test")]
    pub email: String,
    #[serde(skip)]
    pub return_to: Option<String>,
}

/// The link proves the address, and nothing more is asked for; all sessions end.
pub async fn choose(app: &App, token: &OpaqueToken, chosen: NewPassword) -> Result<Reset, Problem> {
    let now = app.ambient.now();
    let mut lookup = app.db.begin_lookup().await?;
    let open = store::find_open(&mut lookup, token, now).await?.ok_or_else(link_used)?;
    let email = open.email.parse().map_err(|fault| Problem::internal(&fault))?;
    let user = accounts::find_user_by_email(&mut lookup, &email).await?.ok_or_else(link_used)?;
    drop(lookup);
    let new_hash = changing::hash(app, &user, chosen.new_password).await?;
    let mut tx = ending::begin(app).await?;
    // The user first, as whoever changes the password does.
    accounts::lock_user(&mut tx, user.id).await?;
    if !store::use_up(&mut tx, &open, now).await? {
        return Err(link_used());
    }
    let ended = changing::write(&mut tx, app, &user, &new_hash, None).await?;
    audit::note_of_platform(&mut tx, Entry::new("password.reset", Principal::User(user.id)));
    tx.commit().await?;
    ending::tell(app, &ended).await?;
    let Open { email, return_to, .. } = open;
    Ok(Reset { email, return_to })
}
