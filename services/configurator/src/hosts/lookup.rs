//! Look-up of instances for other services: whose is the one on a host, or of an id?

use crate::instances::{
    host_name::HostName,
    store::{self, Instance},
};
use common::{
    db::{Db, TenantTx},
    problem::Problem,
};
use contracts::id::InstanceId;

/// The instance on a host, with a transaction of its tenant; a product service sees its own only.
pub async fn on_host(db: &Db, client_id: &str, host: &str) -> Result<(TenantTx, Instance), Problem> {
    let host: HostName = host.parse().map_err(|_| no_host())?;
    let mut lookup = db.begin_lookup().await?;
    let found = store::on_host(&mut lookup, host.as_str()).await?.ok_or_else(no_host)?;
    let mut tx = lookup.enter(found.tenant_id).await?;
    let instance = store::get(&mut tx, found.id).await?.filter(|instance| instance.service == client_id);
    Ok((tx, instance.ok_or_else(no_host)?))
}

/// The instance of an id, with a transaction of its tenant.
pub async fn of_id(db: &Db, id: InstanceId) -> Result<Option<(TenantTx, Instance)>, Problem> {
    let mut lookup = db.begin_lookup().await?;
    let Some(tenant) = store::tenant_of(&mut lookup, id).await? else { return Ok(None) };
    let mut tx = lookup.enter(tenant).await?;
    Ok(store::get(&mut tx, id).await?.map(|instance| (tx, instance)))
}

pub fn no_host() -> Problem {
    Problem::not_found("host_unknown", "No instance of this service lives on that host.")
}
