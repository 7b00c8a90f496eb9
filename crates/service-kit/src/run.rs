//! A service that runs: the one place where its listeners, consumers and tasks are started.

use crate::{Config, Handlers, Kit, Service, consumers, outbox};
use axum::Router;
use common::{
    ambient::Ambient,
    db::Background,
    openapi::{self, About, Pages},
    origin,
    problem::Chain,
    server::{Bound, Lifecycle},
};
use contracts::manifest::PermissionList;
use messaging::{Aws, Relay, weeks};
use serde_json::Value;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Pause between two tries while the permission service is away.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Where a service's own tasks are started.
pub struct Tasks<'a>(&'a Lifecycle);

impl Tasks<'_> {
    /// The right to act for tenants whom nobody speaks for, which each task is given by whoever starts it here.
    #[expect(clippy::disallowed_methods, reason = "these are the background tasks")]
    pub fn background(&self) -> Background {
        Background::new()
    }

    /// Starts what `task` makes of the order to stop; the process waits for its end.
    pub fn spawn<F: Future<Output = ()> + Send + 'static>(&self, task: impl FnOnce(CancellationToken) -> F) {
        self.0.spawn(task(self.0.shutdown.clone()));
    }
}

/// What a service's handlers work with, without anything that runs.
pub async fn app<S: Service>(config: Config<S::Settings>, ambient: Ambient) -> anyhow::Result<S::App> {
    S::app(Kit::open(S::ROSTER.name, &config.base, &config.database, ambient)?, config.own).await
}

/// Its routes, with the documentation of them.
pub fn router<S: Service>(app: S::App) -> Router {
    let (router, generated) = S::router().split_for_parts();
    let shown = openapi::routes(document::<S>(generated), pages::<S>(), &app.base.documents);
    let outbox = if S::ROSTER.publishes() { outbox::routes((*app).clone()) } else { Router::new() };
    let proxies = app.base.trusted_proxies;
    let remembered = axum::middleware::from_fn(move |request, next| origin::remember(proxies, request, next));
    router.merge(shown).with_state(app).merge(outbox).layer(remembered)
}

/// Serves on `bound` until `lifecycle` stops.
pub async fn start<S: Service>(
    config: Config<S::Settings>,
    bound: Bound,
    ambient: Ambient,
    lifecycle: Lifecycle,
) -> anyhow::Result<()> {
    let aws = Aws::from_env(&config.base.resource_prefix, &config.base.aws_account_id).await;
    let app = app::<S>(config, ambient).await?;
    let tasks = Tasks(&lifecycle);
    if S::ROSTER.publishes() {
        tasks.spawn(|shutdown| Relay::new(app.db.clone(), aws.publisher()).run(shutdown));
    }
    // A product's worker has a client of its own.
    let is_platform = app.base.client_id == S::ROSTER.name;
    let handlers = S::consumers().into_iter().filter(|handlers| is_platform || !handlers.platforms_own);
    let taken = handlers.map(|handlers: Handlers<_>| handlers.consumer(&aws, &app, &app));
    let mut watched = Vec::new();
    for consumer in taken.collect::<Result<Vec<_>, _>>()? {
        watched.push((consumer.queue(), consumer.stats()));
        tasks.spawn(|shutdown| consumer.run(shutdown));
    }
    if !watched.is_empty() {
        tasks.spawn(|shutdown| consumers::tell((*app).clone(), S::ROSTER.name, watched, shutdown));
    }
    if is_platform {
        let (list, background) = (PermissionList::parse(S::PERMISSIONS)?, tasks.background());
        tasks.spawn(|shutdown| register::<S>(app.clone(), background, list, shutdown));
    }
    let db = app.db.clone();
    tasks.spawn(|shutdown| weeks::run(db, weeks::INBOX, shutdown));
    let (db, background) = (app.db.clone(), tasks.background());
    tasks.spawn(|shutdown| idempotency::prune::run(db, background, shutdown));
    S::background(&app, &tasks);
    let health = app.health();
    Ok(bound.serve(router::<S>(app), health, lifecycle).await?)
}

/// Its OpenAPI document.
pub fn openapi<S: Service>() -> Value {
    document::<S>(S::router().into_openapi())
}

fn document<S: Service>(generated: utoipa::openapi::OpenApi) -> Value {
    let (service, title, docs, pages) = (S::ROSTER.name, S::TITLE, S::DOCS, &pages::<S>());
    openapi::finish(generated, &About { service, title, docs, pages, by_host: false })
}

fn pages<S: Service>() -> Pages {
    Pages::of(&[S::PROBLEMS])
}

async fn register<S: Service>(app: S::App, background: Background, list: PermissionList, shutdown: CancellationToken) {
    while let Err(error) = S::register(&app, background, &list).await {
        tracing::warn!(error = %Chain(error.as_ref()), "The permissions are not registered yet");
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(RETRY_PAUSE) => {}
        }
    }
    tracing::info!(permissions = list.permissions.len(), "The permissions are registered");
}
