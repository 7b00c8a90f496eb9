//! Whose instance is this request for, and may it pass? The layer around all routes of a product.

use crate::{
    databases::{self, Database, Databases},
    directory::{Directory, HostRecord, SetupRequest, State as InstanceState, Wrong},
    forgery,
    host::{HostName, wants_html},
    instance::Instance,
    invalidation, pages, setup,
};
use axum::{
    Router,
    extract::{FromRef, Query, Request, State},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Redirect, Response},
    routing::post,
};
use common::{
    client::PlatformClient,
    config::{self, Base, Env},
    http::Form,
    problem::{FieldError, Problem},
    server::Lifecycle,
    source::{Source, TrustedProxies},
};
use messaging::Publisher;
use moka::{Expiry, future::Cache};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

/// Hosts remembered at once; a scanner can make us look up names, but not keep more of them.
const MOST_HOSTS: u64 = 10_000;
/// An active instance is remembered this long; changes are announced sooner.
const ACTIVE: Duration = Duration::from_secs(60);
/// Anything is remembered no longer than this while changes are not announced.
const UNANNOUNCED: Duration = Duration::from_secs(2);
/// That there is no such host: short, since the next thing that happens to a new name is that it is made.
const UNKNOWN: Duration = Duration::from_secs(5);
/// States that pass, and the form, which another browser may have submitted.
const PASSING: Duration = Duration::from_secs(1);

/// Connections of one process to the databases of its instances, where nothing else is said: PostgreSQL's own default is 100 for everybody.
const CONNECTIONS: usize = 80;
/// One more than the share of an instance, so that a single stuck one leaves something to the others.
const FEWEST_CONNECTIONS: usize = databases::SHARE + 1;

/// What finding instances needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    pub configurator_url: String,
    /// Connections of this process to the databases of all its instances together.
    pub connections: usize,
}

impl Config {
    /// Reads `CONFIGURATOR_URL` and `INSTANCE_CONNECTIONS`.
    pub fn read(env: &mut Env) -> Option<Self> {
        let configurator_url = config::url(env, "CONFIGURATOR_URL");
        let connections = env.or("INSTANCE_CONNECTIONS", CONNECTIONS);
        if connections.is_some_and(|connections| connections < FEWEST_CONNECTIONS) {
            env.fault(format!("INSTANCE_CONNECTIONS must be at least {FEWEST_CONNECTIONS}"));
        }
        Some(Self { configurator_url: configurator_url?, connections: connections? })
    }
}

/// Finds the instance of each request; cheap to clone.
#[derive(Clone)]
pub struct Tenancy(Arc<Inner>);

struct Inner {
    /// Frontends elsewhere that may write.
    trusted_origins: Vec<String>,
    hosts: Arc<Hosts>,
    directory: Directory,
    databases: Databases,
    proxies: TrustedProxies,
}

impl FromRef<Tenancy> for TrustedProxies {
    fn from_ref(tenancy: &Tenancy) -> Self {
        tenancy.0.proxies
    }
}

/// What lives on a host.
#[derive(Clone)]
enum Resident {
    Nobody,
    Passing,
    AwaitingSetup(Arc<HostRecord>),
    Active(Instance),
}

impl Tenancy {
    /// Tenancy that asks the configurator for instances, and publishes what was used with `publisher`.
    pub fn start(base: &Base, config: &Config, client: PlatformClient, publisher: Publisher, lifecycle: &Lifecycle) -> Result<Self, redis::RedisError> {
        let hosts = Arc::new(Hosts::default());
        let redis = common::db::redis_client(base)?;
        let channel = format!("{}hosts", base.redis_prefix);
        lifecycle.spawn(invalidation::follow(redis, channel, Arc::clone(&hosts), lifecycle.shutdown.clone()));
        let databases = Databases::new(config.connections, publisher, lifecycle.clone());
        let (trusted_origins, proxies) = (base.cors_origins.clone(), base.trusted_proxies);
        Ok(Self(Arc::new(Inner { trusted_origins, hosts, directory: Directory::new(client, &config.configurator_url), databases, proxies })))
    }

    /// The product's routes, behind this layer; and `/setup`, where the setup form goes. No other site's page makes any of them change anything.
    pub fn wrap<S: Clone + Send + Sync + 'static>(&self, product: Router<S>) -> Router<S> {
        let product = product.layer(from_fn_with_state(self.clone(), guard)).route("/setup", post(submit_setup).with_state(self.clone()));
        product.layer(from_fn_with_state(self.clone(), forgery::refuse))
    }

    pub(crate) fn trusted_origins(&self) -> &[String] {
        &self.0.trusted_origins
    }

    async fn resident(&self, host: &HostName) -> Result<Resident, Problem> {
        self.0.hosts.get(host, || self.look_up(host)).await
    }

    async fn look_up(&self, host: &HostName) -> Result<Resident, Problem> {
        let Some(record) = self.0.directory.look_up(host).await? else { return Ok(Resident::Nobody) };
        Ok(match record.state {
            InstanceState::Passing => Resident::Passing,
            InstanceState::AwaitingSetup => Resident::AwaitingSetup(Arc::new(record)),
            InstanceState::Active => {
                let database = self.0.databases.open(&record).await?;
                Resident::Active(Instance::new(record, database))
            }
        })
    }
}

/// Has metering look into the outbox when the request ends, also one whose caller went away after the commit.
struct Wake(Database);

impl Drop for Wake {
    fn drop(&mut self) {
        self.0.wake();
    }
}

async fn guard(State(tenancy): State<Tenancy>, mut request: Request, next: Next) -> Response {
    let Some(host) = HostName::of(request.headers(), request.uri()) else { return pages::nothing_here(request.headers()) };
    match tenancy.resident(&host).await {
        Ok(Resident::Active(instance)) => {
            tracing::Span::current().record("tenant", tracing::field::display(instance.tenant));
            let _wake = (!request.method().is_safe()).then(|| Wake(instance.database.clone()));
            request.extensions_mut().insert(instance);
            next.run(request).await
        }
        Ok(Resident::Nobody) => pages::nothing_here(request.headers()),
        Ok(Resident::Passing) => pages::in_the_making(request.headers()),
        Ok(Resident::AwaitingSetup(record)) => before_setup(&record, request.method(), request.uri(), request.headers()),
        Err(problem) => pages::refusal(problem, request.headers()),
    }
}

/// The form is the home page until it is filled in; other pages lead there.
fn before_setup(record: &HostRecord, method: &Method, uri: &Uri, headers: &HeaderMap) -> Response {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    if reads && uri.path() == "/" {
        let query = Query::<HashMap<String, String>>::try_from_uri(uri).map(|Query(query)| query).unwrap_or_default();
        return pages::setup_form(record, &setup::blank(&record.setup_schema), query.get(setup::CODE).map_or("", String::as_str), &[]);
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
    let record = match tenancy.resident(&host).await {
        Ok(Resident::AwaitingSetup(record)) => record,
        Ok(Resident::Nobody) => return pages::nothing_here(&headers),
        Ok(Resident::Passing | Resident::Active(_)) => return Redirect::to("/").into_response(),
        Err(problem) => return pages::refusal(problem, &headers),
    };
    let code = filled_in.get(setup::CODE).map_or("", |code| code.trim());
    let settings = setup::coerce(&record.setup_schema, &filled_in);
    let request = SetupRequest { setup_code: code, settings: &settings, source };
    match tenancy.0.directory.set_up(&host, &request).await {
        Ok(Ok(())) => {
            tenancy.0.hosts.forget(host.as_str()).await;
            Redirect::to("/").into_response()
        }
        Ok(Err(Wrong::Fields(errors))) => pages::setup_form(&record, &filled_in, code, &errors),
        Ok(Err(Wrong::TooOften(seconds))) => {
            let error = FieldError::new(setup::CODE, "too_many_tries", format!("was wrong too often; try again in {seconds} seconds"));
            let form = pages::setup_form(&record, &filled_in, code, &[error]).into_response();
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, seconds.to_string())], form).into_response()
        }
        Err(problem) => pages::refusal(problem, &headers),
    }
}

/// What is known of hosts, each for its own time.
pub(crate) struct Hosts {
    known: Cache<HostName, Resident>,
    /// Whether changes are announced to us right now.
    announced: Arc<AtomicBool>,
    /// Grows with each change we hear of.
    changes: AtomicU64,
}

impl Default for Hosts {
    fn default() -> Self {
        let announced = Arc::<AtomicBool>::default();
        let lifetimes = Lifetimes { announced: Arc::clone(&announced) };
        Self { known: Cache::builder().max_capacity(MOST_HOSTS).expire_after(lifetimes).build(), announced, changes: AtomicU64::new(0) }
    }
}

impl Hosts {
    /// What is known of `host`, or what `look_up` tells; many requests for one host wait for one look-up. Errors are not remembered.
    async fn get<F: Future<Output = Result<Resident, Problem>>>(&self, host: &HostName, look_up: impl FnOnce() -> F) -> Result<Resident, Problem> {
        let before = self.changes.load(SeqCst);
        let found = self.known.try_get_with(host.clone(), async { look_up().await }).await.map_err(|problem: Arc<Problem>| Problem::clone(&problem));
        // A look-up that was under way during a change may have seen what was before it: it must not be remembered.
        if self.changes.load(SeqCst) != before {
            self.known.invalidate(host).await;
        }
        found
    }

    pub async fn forget(&self, host: &str) {
        self.changes.fetch_add(1, SeqCst);
        if let Some(host) = HostName::parse(host) {
            self.known.invalidate(&host).await;
        }
    }

    pub fn subscribed(&self) {
        self.announced.store(true, SeqCst);
        self.forget_all();
    }

    pub fn unsubscribed(&self) {
        if self.announced.swap(false, SeqCst) {
            self.forget_all();
        }
    }

    /// Changes may have passed unheard.
    fn forget_all(&self) {
        self.changes.fetch_add(1, SeqCst);
        self.known.invalidate_all();
    }
}

struct Lifetimes {
    announced: Arc<AtomicBool>,
}

impl Expiry<HostName, Resident> for Lifetimes {
    fn expire_after_create(&self, _: &HostName, resident: &Resident, _: Instant) -> Option<Duration> {
        let lifetime = match resident {
            Resident::Nobody => UNKNOWN,
            Resident::Passing | Resident::AwaitingSetup(_) => PASSING,
            Resident::Active(_) => ACTIVE,
        };
        Some(if self.announced.load(SeqCst) { lifetime } else { lifetime.min(UNANNOUNCED) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> HostName {
        HostName::parse("acme.localhost").unwrap()
    }

    async fn names_nobody(hosts: &Hosts, look_ups: &AtomicU64) -> bool {
        let look_up = || async {
            look_ups.fetch_add(1, SeqCst);
            Ok(Resident::Nobody)
        };
        matches!(hosts.get(&host(), look_up).await, Ok(Resident::Nobody))
    }

    #[tokio::test]
    async fn a_host_is_looked_up_once_and_again_after_a_change() {
        let (hosts, look_ups) = (Hosts::default(), AtomicU64::new(0));
        hosts.subscribed();
        for expected in [1, 1] {
            assert!(names_nobody(&hosts, &look_ups).await);
            assert_eq!(look_ups.load(SeqCst), expected);
        }
        hosts.forget("ACME.localhost").await;
        assert!(names_nobody(&hosts, &look_ups).await);
        assert_eq!(look_ups.load(SeqCst), 2);
    }

    #[tokio::test]
    async fn what_was_seen_before_a_change_is_not_remembered_after_it() {
        let (hosts, host, look_ups) = (Hosts::default(), host(), AtomicU64::new(0));
        let overtaken = hosts.get(&host, || async {
            hosts.forget("acme.localhost").await;
            Ok(Resident::Passing)
        });
        assert!(matches!(overtaken.await, Ok(Resident::Passing)));
        assert!(names_nobody(&hosts, &look_ups).await);
    }

    #[test]
    fn lifetimes_shrink_while_changes_are_not_announced() {
        let announced = Arc::new(AtomicBool::new(false));
        let lifetimes = Lifetimes { announced: Arc::clone(&announced) };
        let of = |resident| lifetimes.expire_after_create(&host(), &resident, Instant::now()).unwrap();
        assert_eq!((of(Resident::Nobody), of(Resident::Passing)), (UNANNOUNCED, PASSING));
        announced.store(true, SeqCst);
        assert_eq!((of(Resident::Nobody), of(Resident::Passing)), (UNKNOWN, PASSING));
    }
}
