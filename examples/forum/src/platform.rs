//! What the forum asks the platform: who may moderate, and which modules the tenant has. The rest is bolted on by
//! `product_kit::Run`.

use crate::app::App;
use axum::middleware::from_fn_with_state;
use product_kit::{InstanceAllowed, Module, require_module};
use utoipa_axum::router::OpenApiRouter;

pub use product_kit::{Db, Instance, host::wants_html, html};

access::permissions! { pub DeletePosts = "forum.deletePosts" }

/// The caller may delete posts of this forum.
pub type Moderator = InstanceAllowed<DeletePosts>;

/// Routes that are there only where the tenant has enabled the module.
pub fn module(name: &'static str, routes: OpenApiRouter<App>) -> OpenApiRouter<App> {
    routes.route_layer(from_fn_with_state(Module(name), require_module))
}
