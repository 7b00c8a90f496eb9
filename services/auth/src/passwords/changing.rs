//! The change of a password: all sessions end with it, and its owner is told by mail.

use super::{hasher::Verdict, model::read};
use crate::{
    accounts::store::{self as accounts, User},
    app::App,
    mail,
    sessions::{
        ending::{self, Ending},
        model::EndReason,
    },
    throttle::Visitor,
};
use audit::Entry;
use common::{
    db::CrossTenantTx,
    problem::{FieldError, Problem},
};
use contracts::id::{Principal, SessionId, UserId};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
pub struct PasswordChange {
    #[schema(value_type = String, format = Password, max_length = 256, example = "seven leagues at a stride")]
    current_password: SecretString,
    /// At least 15 characters, none of the commonest passwords, without the address or the name of a tenant.
    #[schema(value_type = String, format = Password, min_length = 15, max_length = 256,
        example = "eight leagues, uphill")]
    new_password: SecretString,
}

/// By who knows the present one; all sessions end but `kept`.
pub async fn change(
    app: &App,
    visitor: &Visitor,
    (id, kept): (UserId, Option<SessionId>),
    change: PasswordChange,
) -> Result<(), Problem> {
    let gone = || Problem::not_found("user_not_found", "The caller does not belong to this tenant any more.");
    let user = accounts::find_user(&mut *app.db.pool().acquire().await?, id).await?.ok_or_else(gone)?;
    let refused = |field, code, message| Err(Problem::invalid(vec![FieldError::new(field, code, message)]));
    let right = app.throttle.guess(visitor, &user.email, is_password(app, &user, &change.current_password)).await?;
    if right.is_none() {
        return refused("current_password", "wrong", "is not your password");
    }
    if change.current_password.expose_secret() == change.new_password.expose_secret() {
        return refused("new_password", "unchanged", "is the password that you have");
    }
    let new_hash = hash(app, &user, change.new_password).await?;
    let mut tx = ending::begin(app).await?;
    let ended = write(&mut tx, app, &user, &new_hash, kept).await?;
    audit::note_of_platform(&mut tx, Entry::new("password.changed", Principal::User(user.id)));
    tx.commit().await?;
    ending::tell(app, &ended).await
}

/// Whether it is the user's password, for whoever counts the wrong ones.
pub async fn is_password(app: &App, user: &User, shown: &SecretString) -> Result<Option<()>, Problem> {
    let verdict = app.hasher.verify(shown, Some(&user.password_hash)).await?;
    Ok((verdict != Verdict::Wrong).then_some(()))
}

/// The hash of a password that the user may have. 422 names what is wrong with it as `new_password`.
pub async fn hash(app: &App, user: &User, new: SecretString) -> Result<String, Problem> {
    let tenants = accounts::tenants_of(&mut app.db.begin_lookup().await?, user.id).await?;
    let own_words: Vec<_> = tenants.iter().map(|tenant| &*tenant.name).chain([user.local_part()]).collect();
    let mut faults = Vec::new();
    let new = read("new_password", Some(new), &own_words, &mut faults).ok_or_else(|| Problem::invalid(faults))?;
    app.leaked_passwords.refuse("new_password", &new).await?;
    app.hasher.hash(&new).await
}

/// Writes it in `tx`, and ends every link to a new one and all sessions but `kept`; tell of these after the commit. 409
/// if the password was changed since `user` was read.
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
