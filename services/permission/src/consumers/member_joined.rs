//! A person became a member of a tenant.

use super::give;
use crate::{app::App, principals::store};
use common::db::TenantTx;
use contracts::{http::authority::Existing, id::Principal, messages::MemberJoined};
use messaging::{Delivery, Fault, Handle};

impl Handle<MemberJoined> for App {
    type Tx = TenantTx;

    async fn handle(&self, tx: &mut TenantTx, message: &Delivery<MemberJoined>) -> Result<(), Fault> {
        let MemberJoined { tenant_id, user_id, membership_id } = message.data;
        if !store::lock_tenant(tx).await? {
            // Queues keep no order: the tenant's own message may come later.
            return Err(Fault::retry(anyhow::anyhow!("tenant {tenant_id} is not known yet")));
        }
        if let Some(id) = membership_id {
            let principal = Principal::User(user_id);
            if store::has_left(tx, &principal, id).await? {
                // Said late: they have left since.
                return Ok(());
            }
            store::note(tx, &[Existing { principal, id }]).await?;
        }
        Ok(give(tx, self, user_id, "member").await?)
    }
}
