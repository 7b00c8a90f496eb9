//! A new tenant with its first owner, by registration or by somebody who has an account.

use super::{
    entries,
    store::{self, User},
};
use crate::{app::App, name::Name};
use common::{db::TenantTx, problem::Problem};
use contracts::{
    id::Principal,
    messages::{TenantCreated, TenantKind},
};

/// Makes the transaction's tenant, its first membership, and the news of both.
pub async fn found(tx: &mut TenantTx, app: &App, name: &Name, owner: &User) -> Result<(), Problem> {
    let (tenant_id, kind, now) = (tx.tenant(), TenantKind::Customer, app.ambient.now());
    store::insert_tenant(tx, name, kind, Some(owner.id), now).await?;
    store::join(tx, app.ambient.uuid(), owner.id, now).await?;
    let (name, owner_email) = (name.as_str().to_owned(), owner.email.clone());
    let created = TenantCreated { tenant_id, name, kind, owner_user_id: owner.id, owner_email };
    messaging::publish(tx, &created).await?;
    entries::tenant_made(tx, &created, &Principal::User(owner.id).into());
    Ok(())
}
