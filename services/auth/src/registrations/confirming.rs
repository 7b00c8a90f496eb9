//! Confirmation by the link of a registration: is it that of whoever opened it? Who reads the mail has the address, and
//! who knows the password has asked for it: only who does both gets the account.

use super::store::{self, Open};
use crate::{
    accounts::{
        entries, founding,
        store::{self as accounts, ADDRESS_TAKEN, User},
    },
    app::App,
    opaque::{OpaqueToken, link_used},
    passwords::hasher::Verdict,
};
use common::problem::{Problem, constraint};
use contracts::id::{Principal, TenantId, UserId};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Body of `POST /v1/email-verifications/{token}`, as JSON or as a form.
#[derive(Deserialize, ToSchema)]
pub struct Confirmation {
    /// The one that was chosen when registering.
    #[schema(value_type = String, format = Password, example = "seven leagues at a stride")]
    password: SecretString,
}

#[derive(Serialize, ToSchema)]
pub struct Verified {
    user_id: UserId,
    tenant_id: TenantId,
    pub email: String,
    #[serde(skip)]
    pub return_to: Option<String>,
}

pub async fn confirm(app: &App, token: &OpaqueToken, confirmation: Confirmation) -> Result<Verified, Problem> {
    let open =
        store::attempt(&mut *app.db.pool().acquire().await?, token, app.ambient.now()).await?.ok_or_else(link_used)?;
    match app.hasher.verify(&confirmation.password, Some(&open.password_hash)).await {
        Ok(Verdict::Wrong) => Err(wrong_password()),
        Ok(Verdict::Right | Verdict::RightButOutdated) => make_account(app, open).await,
        Err(busy) => {
            store::give_back(&mut *app.db.pool().acquire().await?, open.id).await?;
            Err(busy)
        }
    }
}

/// "This wasn't me": the registration is gone; another one of the address is another matter.
pub async fn reject(app: &App, token: &OpaqueToken) -> Result<(), Problem> {
    let rejected = store::reject(&mut *app.db.pool().acquire().await?, token, app.ambient.now()).await?;
    if rejected { Ok(()) } else { Err(link_used()) }
}

/// User, tenant, membership and the news of them, in the transaction that uses the link up.
async fn make_account(app: &App, open: Open) -> Result<Verified, Problem> {
    let now = app.ambient.now();
    let (user_id, tenant_id) = (UserId(app.ambient.uuid()), TenantId(app.ambient.uuid()));
    let mut tx = app.db.begin_lookup().await?.enter(tenant_id).await?;
    if !store::consume(&mut tx, &open, now).await? {
        return Err(link_used());
    }
    let tenant_name = open.tenant_name.parse().map_err(|fault| Problem::internal(&fault))?;
    let user = User::new(user_id, open.email, open.display_name, open.password_hash);
    accounts::insert_user(&mut tx, &user, now).await.map_err(taken)?;
    audit::note_of_platform(&mut tx, entries::registered(user_id).by(Principal::User(user_id)));
    founding::found(&mut tx, app, &tenant_name, &user).await?;
    tx.commit().await?;
    Ok(Verified { user_id, tenant_id, email: user.email, return_to: open.return_to })
}

/// Whoever registered twice has an account by the first of the two links.
fn taken(error: sqlx::Error) -> Problem {
    if constraint(&error) == Some(ADDRESS_TAKEN) { link_used() } else { error.into() }
}

fn wrong_password() -> Problem {
    Problem::unauthorized("credentials_wrong", "This is not the password that was chosen when registering.")
}
