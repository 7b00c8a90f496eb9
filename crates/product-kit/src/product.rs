//! The description of a product, and the process that is made of it.

use crate::{
    publish,
    tenancy::{self, Tenancy},
};
use access::{Access, client::PlatformClient};
use axum::Router;
use common::{
    ambient::Ambient,
    config::{Base, Env},
    db,
    openapi::{self, About, Documents, Pages},
    server::{Bound, Health, Lifecycle},
};
use include_dir::{Dir, include_dir};
use messaging::Aws;
use objects::Bucket;
use serde_json::Value;
use service_kit::{Command, Program, cli::with_config};
use sqlx::migrate::Migrator;
use std::marker::PhantomData;
use utoipa_axum::router::OpenApiRouter;

/// A product: an ordinary web service, to which [`Run`] bolts the platform.
pub trait Product: 'static {
    /// Of its service, its client and its binary.
    const NAME: &'static str;
    /// What `--help` says of it.
    const ABOUT: &'static str;
    /// The name in the title of its OpenAPI document.
    const TITLE: &'static str;
    /// Where it listens unless told otherwise.
    const PORT: u16;
    /// The prose of its operations.
    const DOCS: &'static Dir<'static>;
    /// The pages of its own problems, `openapi/problems`; those of the platform's come by themselves.
    const PROBLEMS: &'static Dir<'static> = &Dir::new("", &[]);
    /// What its binary can do besides what every product's can, such as a command of its bundle.
    const COMMANDS: &'static [Command] = &[];

    /// Whether its instances have objects in S3, which `OBJECTS_BUCKET` then names.
    const OBJECTS: bool = false;

    /// What its handlers share; nothing of any instance, that comes with each request.
    type App: Clone + Send + Sync + 'static;

    fn app(ambient: Ambient, access: Access) -> Self::App;

    /// Its routes, which answer on hosts of instances only.
    fn routes() -> OpenApiRouter<Self::App>;

    /// Says in its document what cannot be said at the routes.
    fn describe(_document: &mut Value) {}
}

common::settings! {
    /// Everything that a product is told by its environment.
    pub struct Config(name: &'static str, port: u16, objects: bool) {
        /// What every service is told.
        pub base: Base = with(|env| Base::read(env, name, port)),
        /// What finding instances needs to know.
        pub tenancy: tenancy::Config = with(tenancy::Config::read),
        /// The bucket of S3 with the objects of the product's instances. A worker without one lets jobs with objects
        /// wait.
        pub objects_bucket: Option<String> = with(|env| bucket(env, objects)),
    }
}

fn bucket(env: &mut Env, needed: bool) -> Option<Option<String>> {
    if needed { env.required("OBJECTS_BUCKET").map(Some) } else { Some(None) }
}

/// The program of a product.
pub struct Run<P>(PhantomData<P>);

impl<P: Product> Program for Run<P> {
    const NAME: &'static str = P::NAME;
    const ABOUT: &'static str = P::ABOUT;
    const PORT: u16 = P::PORT;
    /// Its databases are the instances', and the worker migrates those.
    const MIGRATOR: Option<&'static Migrator> = None;
    const COMMANDS: &'static [&'static [Command]] = &[
        &[Command {
            name: "publish",
            about: "Tell the platform of the version in BUNDLE_DIR",
            argument: None,
            settings: || Env::questions(|env| publish::Config::read(env, P::NAME)),
            run: |_| with_config(|env| publish::Config::read(env, P::NAME), publish::run),
        }],
        P::COMMANDS,
    ];
    type Config = Config;

    fn read(env: &mut Env) -> Option<Config> {
        Config::read(env, P::NAME, P::PORT, P::OBJECTS)
    }
    fn base(config: &Config) -> &Base {
        &config.base
    }
    fn openapi() -> Value {
        document::<P>()
    }
    async fn serve(config: Config, lifecycle: Lifecycle) -> anyhow::Result<()> {
        let bound = Bound::bind(&config.base).await?;
        run::<P>(config, bound, Ambient::system(), lifecycle).await
    }
    fn faults() -> Vec<String> {
        openapi::faults(&Self::openapi())
    }
}

/// The product's OpenAPI document.
pub fn document<P: Product>() -> Value {
    let mut document = openapi::finish(
        P::routes().into_openapi(),
        &About { service: P::NAME, title: P::TITLE, docs: P::DOCS, pages: &pages::<P>(), by_host: true },
    );
    P::describe(&mut document);
    document
}

/// Of the problems that it has of its own, and of those that every service has or that configurator refuses it with.
fn pages<P: Product>() -> Pages {
    static PLATFORM: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../openapi/problems");
    Pages::of(&[&PLATFORM, P::PROBLEMS])
}

/// Serves on `bound` with what `env` says, until `lifecycle` stops.
pub async fn start<P: Product>(
    mut env: Env,
    bound: Bound,
    ambient: Ambient,
    lifecycle: Lifecycle,
) -> anyhow::Result<()> {
    let config = Config::read(&mut env, P::NAME, P::PORT, P::OBJECTS);
    run::<P>(env.finish(config)?, bound, ambient, lifecycle).await
}

async fn run<P: Product>(config: Config, bound: Bound, ambient: Ambient, lifecycle: Lifecycle) -> anyhow::Result<()> {
    let base = &config.base;
    let (client, redis) = (PlatformClient::new(base), db::connect_redis(base)?);
    let access = Access::of_product(base, redis.clone(), client.clone(), P::NAME);
    let publisher = Aws::from_env(&base.resource_prefix, &base.aws_account_id).await.publisher();
    let bucket = match &config.objects_bucket {
        Some(name) => Some(Bucket::from_env(name, ambient.clone()).await?),
        None => None,
    };
    let tenancy = Tenancy::start(base, &config.tenancy, client, publisher, bucket, &lifecycle)?;
    let health = access.with_keys(Health::default().with_redis(&redis));
    bound.serve(router::<P>(P::app(ambient, access), &tenancy, &base.documents), health, lifecycle).await?;
    Ok(())
}

/// Its documents are about the product as such, so they need no instance; everything else does.
fn router<P: Product>(app: P::App, tenancy: &Tenancy, others: &Documents) -> Router {
    let (router, _) = P::routes().split_for_parts();
    tenancy.wrap(router).merge(openapi::routes_beside(document::<P>(), pages::<P>(), others)).with_state(app)
}
