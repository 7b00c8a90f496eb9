//! A person became a member of a tenant.

use super::give;
use crate::app::App;
use contracts::messages::MemberJoined;
use messaging::{Delivery, Fault, Handle};
use sqlx::PgConnection;

impl Handle<MemberJoined> for App {
    async fn handle(&self, tx: &mut PgConnection, message: &Delivery<MemberJoined>) -> Result<(), Fault> {
        let MemberJoined { tenant_id, user_id } = message.data;
        let known = sqlx::query_scalar!("SELECT id FROM tenants WHERE id = $1", tenant_id.0).fetch_optional(&mut *tx).await?;
        if known.is_none() {
            // Queues keep no order: the tenant's own message may come later.
            return Err(Fault::retry(anyhow::anyhow!("tenant {tenant_id} is not known yet")));
        }
        Ok(give(tx, self, tenant_id, user_id, "member").await?)
    }
}
