//! The change of a person's factors: other sessions and log-ins that wait end with it, and its owner is told by mail.

use super::{challenges, entries};
use crate::{
    accounts::store::{self as accounts, User},
    app::App,
    mail,
    sessions::{
        ending::{self, Ending},
        model::EndReason,
    },
};
use common::{db::CrossTenantTx, problem::Problem};
use contracts::{
    id::{SessionId, UserId},
    mails::FactorChange,
};

/// A transaction that has the user to itself: log-ins and other changes of theirs wait.
pub async fn begin(app: &App, user: UserId) -> Result<(CrossTenantTx, User), Problem> {
    let mut tx = ending::begin(app).await?;
    accounts::lock_user(&mut tx, user).await?;
    let gone = || Problem::not_found("user_not_found", "The caller does not belong to this tenant any more.");
    let user = accounts::find_user(&mut tx, user).await?.ok_or_else(gone)?;
    Ok((tx, user))
}

/// Ends all sessions but `kept`, and tells the owner; tell Redis after the commit.
pub async fn note(
    tx: &mut CrossTenantTx,
    app: &App,
    user: &User,
    kept: Option<SessionId>,
    change: FactorChange,
) -> Result<Ending, Problem> {
    audit::note_of_platform(tx, entries::changed(user.id, change));
    challenges::end_all(tx, user.id).await?;
    let ending = ending::end_all(tx, app, user.id, kept, EndReason::SecondFactorChanged).await?;
    messaging::publish(tx, &mail::second_factor_changed(ending.id, &user.email, change, ending.ended_at)).await?;
    Ok(ending)
}

/// [`note`], the commit, and Redis.
pub async fn finish(
    mut tx: CrossTenantTx,
    app: &App,
    user: &User,
    kept: Option<SessionId>,
    change: FactorChange,
) -> Result<(), Problem> {
    let ending = note(&mut tx, app, user, kept, change).await?;
    tx.commit().await?;
    ending::tell(app, &ending).await
}
