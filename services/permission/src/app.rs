//! What the permission service's handlers and consumers work with.

use crate::{records::Records, simulate::limit::Simulations, stamps::Stamps, tenant_lock::TenantLocks};
use access::RecordStore;
use service_kit::Kit;

#[derive(Clone)]
pub struct App {
    pub kit: Kit,
    pub records: Records,
    pub stamps: Stamps,
    pub locks: TenantLocks,
    pub simulations: Simulations,
}

service_kit::state!(App);

impl App {
    pub fn new(kit: Kit) -> Self {
        let base = &kit.base;
        let store = RecordStore::new(kit.redis.clone(), &base.redis_prefix, base.redis_replicas, kit.ambient.clone());
        let records = Records::new(kit.db.clone(), store.clone(), kit.ambient.clone());
        Self {
            stamps: Stamps::new(kit.db.clone(), store),
            // The others ask this service; this service asks its own database.
            kit: kit.filled_by(Box::new(records.clone())),
            records,
            locks: TenantLocks::default(),
            simulations: Simulations::default(),
        }
    }
}
