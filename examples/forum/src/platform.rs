//! What makes the forum a service of the platform? Everything that is bolted on is here, and nothing of it anywhere else.

use crate::{app::App, config::Config};
use access::{Access, client::PlatformClient};
use axum::middleware::from_fn_with_state;
use common::{
    db,
    server::{Health, Lifecycle},
};
use messaging::Aws;
use product_kit::{InstanceAllowed, Module, Tenancy, require_module};
use utoipa_axum::router::OpenApiRouter;

pub use product_kit::{Db, Instance, host::wants_html};

access::permissions! { pub DeletePosts = "forum.deletePosts" }

/// The caller may delete posts of this forum.
pub type Moderator = InstanceAllowed<DeletePosts>;

/// The platform's side of a running forum.
pub struct Platform {
    /// Finds the instance of each request, and meters what it uses.
    pub tenancy: Tenancy,
    /// Checks permissions.
    pub access: Access,
    pub health: Health,
}

impl Platform {
    pub async fn start(config: &Config, lifecycle: &Lifecycle) -> anyhow::Result<Self> {
        let base = &config.base;
        let client = PlatformClient::new(base);
        let redis = db::connect_redis(base)?;
        let access = Access::remote(base, redis.clone(), client.clone());
        let publisher = Aws::from_env(&base.resource_prefix, &base.aws_account_id).await.publisher();
        let tenancy = Tenancy::start(base, &config.tenancy, client, publisher, lifecycle)?;
        let health = access.with_keys(Health::default().with_redis(&redis));
        Ok(Self { tenancy, access, health })
    }
}

/// Routes that are there only where the tenant has enabled the module.
pub fn module(name: &'static str, routes: OpenApiRouter<App>) -> OpenApiRouter<App> {
    routes.route_layer(from_fn_with_state(Module(name), require_module))
}
