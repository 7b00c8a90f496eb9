//! What the configurator's handlers, consumer and provisioner work with.

use crate::{
    announcer::Announcer,
    config::Settings,
    domains::{policy::Domains, resolver::Resolver},
    instances::addresses::Addresses,
    provisioning::server::InstanceServer,
    secrets::Sealer,
    worker::WorkerClient,
};
use chrono::TimeDelta;
use common::limit::Limiter;
use service_kit::Kit;

#[derive(Clone)]
pub struct App {
    pub kit: Kit,
    pub sealer: Sealer,
    pub instance_server: InstanceServer,
    pub announcer: Announcer,
    pub limiter: Limiter,
    pub domains: Domains,
    pub addresses: Addresses,
    pub resolver: Resolver,
    pub worker: WorkerClient,
    /// Instances that one tenant may have.
    pub most_instances: i64,
    /// An instance that nobody finishes is deleted after this time.
    pub expiry: TimeDelta,
}

service_kit::state!(App);

impl App {
    pub fn new(kit: Kit, settings: Settings) -> anyhow::Result<Self> {
        Ok(Self {
            resolver: Resolver::open(&settings.dns, kit.ambient.clone())?,
            limiter: Limiter::new(&kit.base, kit.redis.clone(), kit.ambient.clone()),
            sealer: settings.sealer,
            instance_server: settings.instance_server,
            announcer: Announcer::new(kit.redis.clone(), &kit.base.redis_prefix),
            domains: settings.domains,
            addresses: settings.addresses,
            worker: WorkerClient::new(kit.client.clone(), &settings.worker_url),
            most_instances: settings.most_instances,
            expiry: settings.expiry,
            kit,
        })
    }
}
