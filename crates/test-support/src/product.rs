//! What surrounds a product under test: the configurator's internal endpoints, and databases of instances with the
//! rights that the product's role has.

use crate::{TestBucket, TestPlatform, TestServer, clean_up, environment};
use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::{get, post, put},
};
use common::{
    ambient::Ambient,
    config::Env,
    problem::{FieldError, Problem},
    server::{Bound, Lifecycle},
};
use contracts::{
    id::{InstanceId, TenantId},
    instance_database,
    manifest::Manifest,
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection, migrate::Migrator};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

/// A served product with as many instances as a test makes.
pub struct TestProduct {
    pub server: TestServer,
    pub configurator: Configurator,
    pub platform: TestPlatform,
    /// Of a product with objects.
    pub bucket: Option<TestBucket>,
    manifest: Manifest,
    // Dropped last: the role owns rights in the databases.
    databases: InstanceDatabases,
}

impl TestProduct {
    /// The product whose version has this manifest; `serve` serves it with the environment that it is given. Each answer
    /// must be as its OpenAPI document says.
    pub async fn start<F>(
        manifest: &str,
        document: Value,
        serve: impl FnOnce(Env, Bound, Ambient, Lifecycle) -> F,
    ) -> Self
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        Self::serve(manifest, document, None, serve).await
    }

    /// The same for a product whose instances have objects in S3, in a bucket of this test.
    pub async fn with_objects<F>(
        manifest: &str,
        document: Value,
        serve: impl FnOnce(Env, Bound, Ambient, Lifecycle) -> F,
    ) -> Self
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        Self::serve(manifest, document, Some(TestBucket::make().await), serve).await
    }

    async fn serve<F>(
        manifest: &str,
        document: Value,
        bucket: Option<TestBucket>,
        serve: impl FnOnce(Env, Bound, Ambient, Lifecycle) -> F,
    ) -> Self
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let manifest = Manifest::parse(manifest).expect("a manifest");
        assert_eq!(manifest.faults(), Vec::<String>::new());
        let platform =
            TestPlatform::start(manifest.service.clone().leak(), &Migrator::with_migrations(Vec::new())).await;
        let databases = InstanceDatabases::new(&platform).await;
        let configurator = Configurator::start().await;
        let mut variables = platform.env();
        variables.insert("CONFIGURATOR_URL".into(), configurator.url.clone());
        variables.extend(bucket.as_ref().map(|bucket| ("OBJECTS_BUCKET".to_owned(), bucket.name.clone())));
        let env = Env::new(variables);
        let server = platform.serve(|lifecycle, bound, ambient| serve(env, bound, ambient, lifecycle)).await;
        Self { server: server.documented(document), configurator, platform, bucket, manifest, databases }
    }

    /// An active instance of a new tenant on `host`, its database made by these scripts of the bundle.
    pub async fn instance(&mut self, host: &str, modules: &[&str], scripts: &[&str]) -> TenantId {
        let name = format!("{}_{}", self.platform.name, self.databases.databases.len());
        let triggers: String =
            self.manifest.meters.iter().map(|meter| instance_database::trigger(meter) + ";\n").collect();
        let scripts = [&[instance_database::SCHEMA], scripts, &[&*triggers]].concat();
        let url = self.databases.create(&name, &scripts).await;
        let tenant = self.platform.tenant();
        self.configurator.put(host, active_instance(&self.platform, tenant, &self.manifest, modules, &url));
        tenant
    }
}

/// Of every instance of [`Configurator`].
pub const SETUP_CODE: &str = "K7PW-3XQA";
/// The role's only secret, of a database that lives as long as the test.
const PASSWORD: &str = "only-for-this-test";
/// Wrong codes that a source may try.
pub const MOST_WRONG_CODES: usize = 3;

/// Plays the configurator's internal endpoints: a table of hosts.
#[derive(Clone)]
pub struct Configurator {
    pub url: String,
    hosts: Arc<Mutex<Hosts>>,
}

#[derive(Default)]
struct Hosts {
    records: HashMap<String, Value>,
    look_ups: HashMap<String, usize>,
    published: HashMap<String, Value>,
    /// How many of each source.
    wrong_codes: HashMap<String, usize>,
}

impl Configurator {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binding a port");
        let url = format!("http://{}", listener.local_addr().expect("a bound port"));
        let configurator = Self { url, hosts: Arc::default() };
        let router = Router::new()
            .route("/internal/hosts/{host}", get(host))
            .route("/internal/hosts/{host}/setup", post(set_up))
            .route("/internal/services/{service}", put(publish))
            .with_state(configurator.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        configurator
    }

    pub fn put(&self, host: &str, record: Value) {
        self.lock().records.insert(host.to_owned(), record);
    }

    pub fn set(&self, host: &str, field: &str, value: Value) {
        self.lock().records.get_mut(host).expect("a known host")[field] = value;
    }

    pub fn get(&self, host: &str) -> Value {
        self.lock().records[host].clone()
    }

    pub fn look_ups(&self, host: &str) -> usize {
        self.lock().look_ups.get(host).copied().unwrap_or_default()
    }

    /// The sources of wrong codes, and how many came from each.
    pub fn wrong_codes(&self) -> HashMap<String, usize> {
        self.lock().wrong_codes.clone()
    }

    pub fn published(&self, service: &str) -> Option<Value> {
        self.lock().published.get(service).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Hosts> {
        self.hosts.lock().expect("no test panics while it holds the hosts")
    }
}

async fn host(
    State(hosts): State<Configurator>,
    headers: HeaderMap,
    Path(host): Path<String>,
) -> Result<Json<Value>, Problem> {
    assert!(headers.contains_key("authorization"), "a platform client sends its token");
    let mut hosts = hosts.lock();
    *hosts.look_ups.entry(host.clone()).or_default() += 1;
    hosts
        .records
        .get(&host)
        .cloned()
        .map(Json)
        .ok_or_else(|| Problem::not_found("host_unknown", "No instance of this service lives on that host."))
}

/// Takes a form with the right code and a title, as the configurator would under the forum's schema.
async fn set_up(
    State(hosts): State<Configurator>,
    Path(host): Path<String>,
    Json(form): Json<Value>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let mut errors = Vec::new();
    let source = form["source"].as_str().expect("a product says who filled in the form").to_owned();
    if form["setup_code"] != SETUP_CODE {
        let wrong_codes = &mut hosts.lock().wrong_codes;
        let wrong = wrong_codes.entry(source).or_default();
        *wrong += 1;
        if *wrong > MOST_WRONG_CODES {
            return Err(Problem {
                retry_after: Some(17),
                ..Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too many attempts.")
            });
        }
        errors.push(FieldError::new("setup_code", "wrong", "is not this instance's setup code"));
    }
    if !form["settings"]["title"].is_string() {
        errors.push(FieldError::new("settings.title", "missing", "is required"));
    }
    if form["settings"].get("sample_posts").is_some_and(|posts| !posts.is_u64()) {
        errors.push(FieldError::new("settings.sample_posts", "wrong_type", "must be of type integer"));
    }
    if !errors.is_empty() {
        return Err(Problem::invalid(errors));
    }
    let mut hosts = hosts.lock();
    let record = hosts.records.get_mut(&host).expect("a known host");
    record["state"] = json!("migrating");
    record["settings"] = form["settings"].clone();
    Ok((StatusCode::ACCEPTED, Json(json!({"state": "migrating"}))))
}

async fn publish(
    State(hosts): State<Configurator>,
    Path(service): Path<String>,
    Json(mut publication): Json<Value>,
) -> StatusCode {
    hosts.lock().published.insert(service, publication["manifest"].take());
    StatusCode::CREATED
}

/// The product's role and the databases of its instances; removed when dropped.
pub struct InstanceDatabases {
    role: String,
    databases: Vec<String>,
}

impl InstanceDatabases {
    pub async fn new(platform: &TestPlatform) -> Self {
        let role = format!("{}_app", platform.name);
        run_sql(&admin_url(), format!("CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")).await;
        Self { role, databases: Vec::new() }
    }

    /// The rights that the worker grants; gives the URL for the role.
    pub async fn grant(&self, database: &str) -> String {
        let role = &self.role;
        let grants = contracts::instance_database::grants(role);
        run_sql(&on_database(&admin_url(), database), grants).await;
        let (_, server) = admin_url()
            .rsplit_once('@')
            .map(|(user, server)| (user.to_owned(), server.to_owned()))
            .expect("a URL with a user");
        on_database(&format!("postgres://{role}:{PASSWORD}@{server}"), database)
    }

    /// A database with what these scripts make in it; gives the URL for the product's role.
    pub async fn create(&mut self, name: &str, scripts: &[&str]) -> String {
        self.databases.push(name.to_owned());
        run_sql(&admin_url(), format!("CREATE DATABASE {name}")).await;
        for script in scripts {
            run_sql(&on_database(&admin_url(), name), (*script).to_owned()).await;
        }
        self.grant(name).await
    }
}

impl Drop for InstanceDatabases {
    fn drop(&mut self) {
        let databases = self.databases.iter().map(|name| format!("DROP DATABASE {name} WITH (FORCE)"));
        let statements: Vec<_> = databases.chain([format!("DROP ROLE {}", self.role)]).collect();
        clean_up(async move || {
            for statement in statements {
                run_sql(&admin_url(), statement).await;
            }
        });
    }
}

/// What the configurator says of an active instance of `tenant`, of the version with this manifest.
pub fn active_instance(
    platform: &TestPlatform,
    tenant: TenantId,
    manifest: &Manifest,
    modules: &[&str],
    database_url: &str,
) -> Value {
    json!({
        "instance_id": InstanceId(platform.ambient.uuid()), "tenant_id": tenant, "service": manifest.service,
            "version": manifest.version,
        "state": "active", "modules": modules, "settings": {"title": "The forum"}, "setup_schema": manifest.setup,
            "generation": 1,
        "database_url": database_url,
    })
}

/// Runs statements as the administrator.
pub async fn run_sql(url: &str, sql: String) {
    let mut connection = PgConnection::connect(url).await.expect("connecting to PostgreSQL");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect("an administrator's statement");
}

/// The superuser of the test's PostgreSQL.
pub fn admin_url() -> String {
    environment("TEST_DATABASE_URL")
}

/// That URL, of another database.
pub fn on_database(url: &str, database: &str) -> String {
    let (server, _) = url.rsplit_once('/').expect("a database URL ends with /name");
    format!("{server}/{database}")
}
