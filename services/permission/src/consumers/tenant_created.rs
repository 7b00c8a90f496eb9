//! A tenant exists: its first user owns it, and operates the platform if it is the platform's own.

use super::give;
use crate::{app::App, principals::store};
use common::db::TenantTx;
use contracts::messages::{TenantCreated, TenantKind};
use messaging::{Delivery, Fault, Handle};

impl Handle<TenantCreated> for App {
    type Tx = TenantTx;

    async fn handle(&self, tx: &mut TenantTx, message: &Delivery<TenantCreated>) -> Result<(), Fault> {
        let tenant = &message.data;
        if !store::insert_tenant(tx, tenant.kind, message.time).await? {
            // Said again under another id: what was revoked since must not come back.
            return Ok(());
        }
        give(tx, self, tenant.owner_user_id, "owner").await?;
        if tenant.kind == TenantKind::Platform {
            give(tx, self, tenant.owner_user_id, "operator").await?;
        }
        Ok(())
    }
}
