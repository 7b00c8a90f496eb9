//! A small forum: members, topics, posts, and two modules. It knows nothing of the platform but what [`platform`] bolts
//! on.
//!
//! | module | answers |
//! | --- | --- |
//! | [`members`] | who writes here, and how do they sign in? |
//! | [`topics`] | what is talked about? |
//! | [`polls`] | what do the members think? (module `polls`) |
//! | [`statistics`] | when is how much written? (module `statistics`) |
//! | [`pages`] | what does a browser see? |
//! | [`text`] | is this text fit to be shown? |
//! | [`platform`] | what makes the forum a service of the platform? |
//!
//! SQL is checked when it runs, not when it is built: the schema is in the bundle, a version of which is in each
//! instance's database, and there is no one database to build against.

mod app;
mod members;
mod pages;
mod platform;
mod polls;
mod router;
mod statistics;
mod text;
mod topics;

use access::Access;
use app::App;
use common::ambient::Ambient;
use include_dir::{Dir, include_dir};
use product_kit::Product;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;

static DOCS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/openapi/docs");
static PROBLEMS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/openapi/problems");

pub struct Forum;

impl Product for Forum {
    const NAME: &'static str = "forum";
    const ABOUT: &'static str = "A small forum, the example product";
    const TITLE: &'static str = "Forum";
    const PORT: u16 = 8010;
    const DOCS: &'static Dir<'static> = &DOCS;
    const PROBLEMS: &'static Dir<'static> = &PROBLEMS;
    type App = App;

    fn app(ambient: Ambient, access: Access) -> App {
        App::new(ambient, access)
    }
    fn routes() -> OpenApiRouter<App> {
        router::routes()
    }
    fn describe(document: &mut Value) {
        router::describe_members(document);
    }
}
