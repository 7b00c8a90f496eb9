//! The change of a password: all sessions end with it, and its owner is told by mail.

use super::model::weakness;
use crate::{
    accounts::store::{self as accounts, User},
    app::App,
    mail,
    sessions::{ending, ending::Ending, model::EndReason},
};
use common::{
    db::CrossTenantTx,
    problem::{FieldError, Problem},
};
use contracts::id::SessionId;
use secrecy::{ExposeSecret, SecretString};

/// What is wrong with `new` as the password of `user`, under the field's name `new_password`.
pub async fn check(app: &App, user: &User, new: &SecretString) -> Result<(), Problem> {
    let tenants = accounts::tenants_of(&mut app.db.begin_lookup().await?, user.id).await?;
    let local_part = user.email.split_once('@').map_or("", |(local, _)| local);
    let own_words: Vec<_> = tenants.iter().map(|tenant| &*tenant.name).chain([local_part]).collect();
    match weakness(new.expose_secret(), &own_words) {
        None => Ok(()),
        Some(weakness) => {
            Err(Problem::invalid(vec![FieldError::new("new_password", weakness.code(), weakness.to_string())]))
        }
    }
}

/// Writes it in `tx`, and ends every link to a new one and all sessions but `kept`; tell of these after the commit. 409 if the password was changed
/// since `user` was read.
pub async fn write(
    tx: &mut CrossTenantTx,
    app: &App,
    user: &User,
    new_hash: &str,
    kept: Option<SessionId>,
) -> Result<Ending, Problem> {
    if !accounts::change_password(tx, user, new_hash).await? {
        return Err(Problem::conflict("password_changed", "The password was changed meanwhile."));
    }
    accounts::end_resets(tx, user, app.ambient.now()).await?;
    let ending = ending::end_all(tx, app, user.id, kept, EndReason::PasswordChanged).await?;
    messaging::publish(tx, &mail::password_changed(ending.id, &user.email, ending.ended_at)).await?;
    Ok(ending)
}
