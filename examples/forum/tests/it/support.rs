//! What does a test of the forum need? A configurator's part, and databases of instances with the rights that the product's role has.

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::{get, post, put},
};
use common::{config::Env, problem::FieldError, problem::Problem};
use contracts::id::{InstanceId, TenantId};
use serde_json::{Value, json};
use sqlx::{
    AssertSqlSafe, Connection, PgConnection, SqlStr,
    migrate::{Migration, MigrationType, Migrator},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};
use test_support::{TestAnswer, TestPlatform, TestRequest, TestServer, eventually};

pub const ACME: &str = "acme.forum.localhost";
pub const SETUP_CODE: &str = "K7PW-3XQA";
/// The role's only secret, of a database that lives as long as the test.
const PASSWORD: &str = "only-for-this-test";

macro_rules! bundle {
    ($path:literal) => {
        include_str!(concat!("../../../bundles/forum/1.0.0/", $path))
    };
}
pub const CALENDAR: &str = bundle!("modules/statistics/migrations/0001_calendar.sql");
pub const SEEDS: [&str; 2] = [bundle!("seeds/0001_settings.sql"), bundle!("seeds/0002_sample_posts.sql")];
pub const MANIFEST: &str = bundle!("manifest.toml");

/// A served forum with the active instance `ACME`, which has every module but `statistics`.
pub struct Fixture {
    pub server: TestServer,
    pub configurator: Configurator,
    pub acme: TenantId,
    pub platform: TestPlatform,
    // Dropped last: the role owns rights in the databases.
    leftovers: Leftovers,
}

impl Fixture {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With settings beside those that every forum has.
    pub async fn start_with(settings: &[(&str, &str)]) -> Self {
        let parts = [
            bundle!("migrations/0001_forum.sql"),
            bundle!("modules/polls/migrations/0001_polls.sql"),
            include_str!("platform.sql"),
        ];
        let migrations = (1..).zip(parts).map(|(version, sql)| {
            Migration::new(version, "bundle".into(), MigrationType::Simple, SqlStr::from_static(sql), false)
        });
        let platform = TestPlatform::start("forum", &Migrator::with_migrations(migrations.collect())).await;
        let (leftovers, acme) = (Leftovers::make(&platform).await, platform.tenant());
        let url = leftovers.grant(&platform.name).await;
        let configurator = Configurator::start().await;
        configurator.put(ACME, active(&platform, acme, &url));
        // Under this name a test reaches the instance without saying so.
        configurator.put("127.0.0.1", active(&platform, acme, &url));
        let server = serve(&platform, &configurator, settings).await;
        let fixture = Self { server, configurator, acme, platform, leftovers };
        eventually("the forum hears of changes", async || (fixture.announce("nobody").await == 1).then_some(())).await;
        fixture
    }

    /// A second instance on `host`, of another tenant, with a database of its own.
    pub async fn second_instance(&mut self, host: &str) -> TenantId {
        let (name, tenant) = (format!("{}_second", self.platform.name), self.platform.tenant());
        let url = self.database(&name).await;
        self.configurator.put(host, active(&self.platform, tenant, &url));
        tenant
    }

    /// A database for instances without any module; gives the URL for the product's role.
    pub async fn database(&mut self, name: &str) -> String {
        self.leftovers.database(name).await;
        self.leftovers.grant(name).await
    }

    /// Of a database made for this test.
    pub fn superuser_url(&self, database: &str) -> String {
        on_database(&admin_url(), database)
    }

    /// What the configurator says of a new instance of a new tenant.
    pub fn active(&self, url: &str) -> Value {
        active(&self.platform, self.platform.tenant(), url)
    }

    /// Says that `host` has changed, as the configurator does; gives how many heard it.
    pub async fn announce(&self, host: &str) -> i64 {
        let channel = format!("{}hosts", self.platform.redis_prefix());
        // The connection waits half a second for an answer, which a busy machine may need; to be told twice does no harm.
        eventually("redis answers", async || {
            redis::cmd("PUBLISH").arg(&channel).arg(host).query_async(&mut self.platform.redis.clone()).await.ok()
        })
        .await
    }

    /// A member of the forum who is signed in; gives the token.
    pub async fn member(&self, name: &str) -> String {
        let email = format!("{name}@example.test");
        self.server
            .post("/v1/members", &json!({"name": name, "email": email, "password": "correct horse"}))
            .on(ACME)
            .await
            .expect(201);
        let session = self
            .server
            .post("/v1/sessions", &json!({"email": email, "password": "correct horse"}))
            .on(ACME)
            .await
            .expect(201);
        session["token"].as_str().expect("a token").to_owned()
    }
}

async fn serve(platform: &TestPlatform, configurator: &Configurator, settings: &[(&str, &str)]) -> TestServer {
    let mut variables = platform.env();
    variables.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    variables.insert("CONFIGURATOR_URL".into(), configurator.url.clone());
    let mut env = Env::new(variables);
    let config = ::forum::config::Config::read(&mut env);
    let config = env.finish(config).expect("a complete environment");
    platform.serve(|lifecycle, bound, ambient| ::forum::start(config, bound, ambient, lifecycle)).await
}

fn active(platform: &TestPlatform, tenant: TenantId, url: &str) -> Value {
    let manifest: toml::Value = toml::from_str(MANIFEST).expect("a manifest");
    json!({
        "instance_id": InstanceId(platform.ambient.uuid()), "tenant_id": tenant, "service": "forum", "version": "1.0.0", "state": "active", "modules": ["polls"],
        "settings": {"title": "The forum"}, "setup_schema": manifest["setup"], "generation": 1, "database_url": url,
    })
}

pub trait OnHost {
    /// From one of the forum's own pages, in a browser with this cookie.
    fn cookie(self, cookie: &str) -> Self;
    async fn on(self, host: &str) -> TestAnswer;
}

impl OnHost for TestRequest {
    fn cookie(self, cookie: &str) -> Self {
        self.header("cookie", cookie).header("sec-fetch-site", "same-origin")
    }

    async fn on(self, host: &str) -> TestAnswer {
        self.header("host", host).send().await
    }
}

/// Wrong codes that a source may try.
pub const MOST_WRONG_CODES: usize = 3;

/// Plays the configurator's internal endpoints: a table of hosts.
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
    async fn start() -> Self {
        let hosts = Arc::<Mutex<Hosts>>::default();
        let router = Router::new()
            .route("/internal/hosts/{host}", get(host))
            .route("/internal/hosts/{host}/setup", post(set_up))
            .route("/internal/services/{service}", put(publish))
            .with_state(Arc::clone(&hosts));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binding a port");
        let url = format!("http://{}", listener.local_addr().expect("a bound port"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, hosts }
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
    State(hosts): State<Arc<Mutex<Hosts>>>,
    headers: HeaderMap,
    Path(host): Path<String>,
) -> Result<Json<Value>, Problem> {
    assert!(headers.contains_key("authorization"), "a platform client sends its token");
    let mut hosts = hosts.lock().expect("no test panics while it holds the hosts");
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
    State(hosts): State<Arc<Mutex<Hosts>>>,
    Path(host): Path<String>,
    Json(form): Json<Value>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let mut errors = Vec::new();
    let source = form["source"].as_str().expect("a product says who filled in the form").to_owned();
    if form["setup_code"] != SETUP_CODE {
        let wrong_codes = &mut hosts.lock().expect("no test panics while it holds the hosts").wrong_codes;
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
    let mut hosts = hosts.lock().expect("no test panics while it holds the hosts");
    let record = hosts.records.get_mut(&host).expect("a known host");
    record["state"] = json!("migrating");
    record["settings"] = form["settings"].clone();
    Ok((StatusCode::ACCEPTED, Json(json!({"state": "migrating"}))))
}

async fn publish(
    State(hosts): State<Arc<Mutex<Hosts>>>,
    Path(service): Path<String>,
    Json(mut publication): Json<Value>,
) -> StatusCode {
    hosts
        .lock()
        .expect("no test panics while it holds the hosts")
        .published
        .insert(service, publication["manifest"].take());
    StatusCode::CREATED
}

/// The product's role, and databases beside the platform's own.
struct Leftovers {
    role: String,
    databases: Vec<String>,
}

impl Leftovers {
    async fn make(platform: &TestPlatform) -> Self {
        let role = format!("{}_app", platform.name);
        run(&admin_url(), format!("CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")).await;
        Self { role, databases: Vec::new() }
    }

    /// The rights that the worker grants; gives the URL for the role.
    async fn grant(&self, database: &str) -> String {
        let role = &self.role;
        let grants = format!(
            "GRANT USAGE ON SCHEMA public, platform TO {role};
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
             GRANT SELECT, DELETE ON platform.outbox TO {role};"
        );
        run(&on_database(&admin_url(), database), grants).await;
        let (_, server) = admin_url()
            .rsplit_once('@')
            .map(|(user, server)| (user.to_owned(), server.to_owned()))
            .expect("a URL with a user");
        on_database(&format!("postgres://{role}:{PASSWORD}@{server}"), database)
    }

    /// An instance's database without any module.
    async fn database(&mut self, name: &str) {
        self.databases.push(name.to_owned());
        run(&admin_url(), format!("CREATE DATABASE {name}")).await;
        for part in [bundle!("migrations/0001_forum.sql"), include_str!("platform.sql")] {
            run(&on_database(&admin_url(), name), part.to_owned()).await;
        }
    }
}

impl Drop for Leftovers {
    /// On a thread and a runtime of its own, because the test's is busy dropping.
    fn drop(&mut self) {
        let statements: Vec<_> = self
            .databases
            .iter()
            .map(|name| format!("DROP DATABASE {name} WITH (FORCE)"))
            .chain([format!("DROP ROLE {}", self.role)])
            .collect();
        let cleaner = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                for statement in statements {
                    run(&admin_url(), statement).await;
                }
            });
        });
        let cleaned = cleaner.join();
        assert!(cleaned.is_ok() || std::thread::panicking(), "the test left something behind");
    }
}

/// Runs statements as the administrator.
pub async fn run(url: &str, sql: String) {
    let mut connection = PgConnection::connect(url).await.expect("connecting to PostgreSQL");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect("an administrator's statement");
}

fn admin_url() -> String {
    std::env::var("TEST_DATABASE_URL").expect("set by `cargo xtask test`")
}

fn on_database(url: &str, database: &str) -> String {
    let (server, _) = url.rsplit_once('/').expect("a database URL ends with /name");
    format!("{server}/{database}")
}
