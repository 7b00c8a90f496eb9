//! The layer around all routes of a product: whose instance is a request for, and may it pass?

use crate::{
    database::Database,
    databases::{self, Databases},
    directory::{Directory, Wrong},
    forgery,
    host::{HostName, wants_html},
    hosts::{HostStatus, Hosts},
    instance::Instance,
    invalidation, pages, setup,
};
use access::client::PlatformClient;
use axum::{
    Router,
    extract::{FromRef, Query, Request, State},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Redirect, Response},
    routing::post,
};
use common::{
    config::Base,
    http::Form,
    problem::{FieldError, Problem},
    server::Lifecycle,
    source::{Source, TrustedProxies},
};
use contracts::http::instances::{HostRecord, InstanceState, SetupSubmission};
use messaging::Publisher;
use objects::Bucket;
use std::{collections::HashMap, sync::Arc};

/// Connections of one process to the databases of its instances, where nothing else is said: PostgreSQL's own default
/// is 100 for everybody.
const CONNECTIONS: usize = 80;
/// One more than the share of an instance, so that a single stuck one leaves something to the others.
const FEWEST_CONNECTIONS: usize = databases::SHARE + 1;

common::settings! {
    /// What finding instances needs to know.
    #[derive(Clone, Debug)]
    pub struct Config {
        /// Base URL of the configurator, which knows the instances.
        pub configurator_url: String = url("CONFIGURATOR_URL"),
        /// Connections of this process to the databases of all its instances together.
        pub connections: usize = between("INSTANCE_CONNECTIONS", CONNECTIONS, FEWEST_CONNECTIONS..),
    }
}

/// Finds the instance of each request; cheap to clone.
#[derive(Clone)]
pub struct Tenancy(Arc<Inner>);

struct Inner {
    /// Frontends elsewhere that may write.
    trusted_origins: Arc<[String]>,
    hosts: Arc<Hosts>,
    directory: Directory,
    databases: Databases,
    bucket: Option<Bucket>,
    proxies: TrustedProxies,
}

impl FromRef<Tenancy> for TrustedProxies {
    fn from_ref(tenancy: &Tenancy) -> Self {
        tenancy.0.proxies
    }
}

impl Tenancy {
    /// Tenancy that asks the configurator for instances, publishes what was used and ordered with `publisher`, and has
    /// the objects of instances in `bucket`.
    pub fn start(
        base: &Base,
        config: &Config,
        client: PlatformClient,
        publisher: Publisher,
        bucket: Option<Bucket>,
        lifecycle: &Lifecycle,
    ) -> Result<Self, redis::RedisError> {
        let hosts = Arc::new(Hosts::default());
        let redis = common::db::redis_client(base)?;
        let channel = format!("{}hosts", base.redis_prefix);
        lifecycle.spawn(invalidation::follow(redis, channel, Arc::clone(&hosts), lifecycle.shutdown.clone()));
        let databases = Databases::new(config.connections, publisher, lifecycle.clone());
        let (trusted_origins, proxies) = (base.cors_origins.to_vec().into(), base.trusted_proxies);
        Ok(Self(Arc::new(Inner {
            trusted_origins,
            hosts,
            directory: Directory::new(client, &config.configurator_url),
            databases,
            bucket,
            proxies,
        })))
    }

    /// The product's routes, behind this layer; and `/setup`, where the setup form goes. No other site's page makes any
    /// of them change anything.
    pub fn wrap<S: Clone + Send + Sync + 'static>(&self, product: Router<S>) -> Router<S> {
        let product = product
            .layer(from_fn_with_state(self.clone(), guard))
            .route("/setup", post(submit_setup).with_state(self.clone()));
        product.layer(from_fn_with_state(Arc::clone(&self.0.trusted_origins), forgery::refuse))
    }

    async fn status(&self, host: &HostName) -> Result<HostStatus, Problem> {
        self.0.hosts.get(host, || self.look_up(host)).await
    }

    async fn look_up(&self, host: &HostName) -> Result<HostStatus, Problem> {
        let Some(record) = self.0.directory.look_up(host).await? else { return Ok(HostStatus::Unknown) };
        if record.suspended_since.is_some() {
            return Ok(HostStatus::Suspended);
        }
        Ok(match record.state {
            InstanceState::AwaitingSetup => HostStatus::AwaitingSetup(Arc::new(record)),
            InstanceState::Active => {
                let database = self.0.databases.open(&record).await?;
                HostStatus::Active(Instance::new(record, database, self.0.bucket.as_ref()))
            }
            InstanceState::Suspended => HostStatus::Suspended,
            InstanceState::AwaitingProof
            | InstanceState::Requested
            | InstanceState::Provisioning
            | InstanceState::Migrating
            | InstanceState::Seeding
            | InstanceState::Deleting
            | InstanceState::Deleted => HostStatus::Changing,
        })
    }
}

/// Has metering look for usage when the request ends, also one whose caller went away after the commit.
struct Wake(Database);

impl Drop for Wake {
    fn drop(&mut self) {
        self.0.usage().notify_one();
    }
}

async fn guard(State(tenancy): State<Tenancy>, mut request: Request, next: Next) -> Response {
    let Some(host) = HostName::of(request.headers(), request.uri()) else {
        return pages::nothing_here(request.headers());
    };
    match tenancy.status(&host).await {
        Ok(HostStatus::Active(instance)) => {
            tracing::Span::current().record("tenant", tracing::field::display(instance.tenant));
            let _wake = (!request.method().is_safe()).then(|| Wake(instance.database.clone()));
            request.extensions_mut().insert(instance);
            next.run(request).await
        }
        Ok(HostStatus::Unknown) => pages::nothing_here(request.headers()),
        Ok(HostStatus::Changing) => pages::in_the_making(request.headers()),
        Ok(HostStatus::Suspended) => pages::suspended(request.headers()),
        Ok(HostStatus::AwaitingSetup(record)) => {
            before_setup(&record, request.method(), request.uri(), request.headers())
        }
        Err(problem) => pages::refusal(problem, request.headers()),
    }
}

/// The form is the home page until it is filled in; other pages lead there.
fn before_setup(record: &HostRecord, method: &Method, uri: &Uri, headers: &HeaderMap) -> Response {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    if reads && uri.path() == "/" {
        let query = Query::<HashMap<String, String>>::try_from_uri(uri).map(|Query(query)| query).unwrap_or_default();
        return pages::setup_form(
            record,
            &setup::blank(&record.setup_schema),
            query.get(setup::CODE).map_or("", String::as_str),
            &[],
        );
    }
    if reads && wants_html(headers) {
        return Redirect::to("/").into_response();
    }
    Problem::unavailable(1, "The instance has not been set up yet: fill in the form at /.").into_response()
}

async fn submit_setup(
    State(tenancy): State<Tenancy>,
    source: Source,
    uri: Uri,
    headers: HeaderMap,
    Form(filled_in): Form<HashMap<String, String>>,
) -> Response {
    let Some(host) = HostName::of(&headers, &uri) else { return pages::nothing_here(&headers) };
    let record = match tenancy.status(&host).await {
        Ok(HostStatus::AwaitingSetup(record)) => record,
        Ok(HostStatus::Unknown) => return pages::nothing_here(&headers),
        Ok(HostStatus::Suspended) => return pages::suspended(&headers),
        Ok(HostStatus::Changing | HostStatus::Active(_)) => return Redirect::to("/").into_response(),
        Err(problem) => return pages::refusal(problem, &headers),
    };
    let code = filled_in.get(setup::CODE).map_or("", |code| code.trim());
    let settings = setup::coerce(&record.setup_schema, &filled_in);
    let form = SetupSubmission { setup_code: code.to_owned(), source: Some(source.into()), settings };
    match tenancy.0.directory.set_up(&host, &form).await {
        Ok(Ok(())) => {
            tenancy.0.hosts.forget(host.as_str()).await;
            Redirect::to("/").into_response()
        }
        Ok(Err(Wrong::Fields(errors))) => pages::setup_form(&record, &filled_in, code, &errors),
        Ok(Err(Wrong::TooOften(seconds))) => {
            let error = FieldError::new(
                setup::CODE,
                "too_many_tries",
                format!("was wrong too often; try again in {seconds} seconds"),
            );
            let form = pages::setup_form(&record, &filled_in, code, &[error]).into_response();
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, seconds.to_string())], form).into_response()
        }
        Err(problem) => pages::refusal(problem, &headers),
    }
}
