//! What a test of the forum needs: a configurator's part, and databases of instances with the rights that the product's
//! role has.

use ::forum::Forum;
use common::config::Env;
use contracts::{id::TenantId, instance_database, manifest::Manifest};
use product_kit::product;
use serde_json::{Value, json};
use sqlx::{
    AssertSqlSafe, SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};
use test_support::{
    Configurator, InstanceDatabases, TestAnswer, TestPlatform, TestRequest, TestServer, active_instance, eventually,
};

pub const ACME: &str = "acme.forum.localhost";

macro_rules! bundle {
    ($path:literal) => {
        include_str!(concat!("../../bundles/forum/1.0.0/", $path))
    };
}
pub const CALENDAR: &str = bundle!("modules/statistics/migrations/0001_calendar.sql");
pub const SEEDS: [&str; 2] = [bundle!("seeds/0001_settings.sql"), bundle!("seeds/0002_sample_posts.sql")];
pub const MANIFEST: &str = bundle!("manifest.toml");

/// What the worker makes in an instance's database, and what the setup form was filled in with.
fn platform_part() -> String {
    let manifest = Manifest::parse(MANIFEST).expect("a manifest");
    let triggers: String = manifest.meters.iter().map(|meter| instance_database::trigger(meter) + ";\n").collect();
    let settings = "INSERT INTO settings (title, welcome) VALUES ('The forum', 'Come in.');";
    format!("{}{triggers}{settings}", instance_database::SCHEMA)
}

/// A served forum with the active instance `ACME`, which has every module but `statistics`.
pub struct Fixture {
    pub server: TestServer,
    pub configurator: Configurator,
    pub acme: TenantId,
    pub platform: TestPlatform,
    // Dropped last: the role owns rights in the databases.
    databases: InstanceDatabases,
}

impl Fixture {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With settings beside those that every forum has.
    pub async fn start_with(settings: &[(&str, &str)]) -> Self {
        let parts = [
            bundle!("migrations/0001_forum.sql").to_owned(),
            bundle!("modules/polls/migrations/0001_polls.sql").to_owned(),
            platform_part(),
        ];
        let migrations = (1..).zip(parts).map(|(version, sql)| {
            let sql = AssertSqlSafe(sql).into_sql_str();
            Migration::new(version, "bundle".into(), MigrationType::Simple, sql, false)
        });
        let platform = TestPlatform::start("forum", &Migrator::with_migrations(migrations.collect())).await;
        let (databases, acme) = (InstanceDatabases::new(&platform).await, platform.tenant());
        let url = databases.grant(&platform.name).await;
        let configurator = Configurator::start().await;
        configurator.put(ACME, active(&platform, acme, &url));
        // Under this name a test reaches the instance without saying so.
        configurator.put("127.0.0.1", active(&platform, acme, &url));
        let server = serve(&platform, &configurator, settings).await;
        let fixture = Self { server, configurator, acme, platform, databases };
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
        self.databases.create(name, &[bundle!("migrations/0001_forum.sql"), &platform_part()]).await
    }

    /// Of a database made for this test.
    pub fn superuser_url(&self, database: &str) -> String {
        test_support::on_database(&test_support::admin_url(), database)
    }

    /// What the configurator says of a new instance of a new tenant.
    pub fn active(&self, url: &str) -> Value {
        active(&self.platform, self.platform.tenant(), url)
    }

    /// Says that `host` has changed, as the configurator does; gives how many heard it.
    pub async fn announce(&self, host: &str) -> i64 {
        let channel = format!("{}hosts", self.platform.redis_prefix());
        // The connection waits half a second for an answer, which a busy machine may need; to be told twice does no
        // harm.
        eventually("redis answers", async || {
            redis::cmd("PUBLISH").arg(&channel).arg(host).query_async(&mut self.platform.redis.clone()).await.ok()
        })
        .await
    }

    pub async fn get(&self, path: &str) -> TestAnswer {
        self.server.get(path).on(ACME).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> TestAnswer {
        self.server.post(path, body).on(ACME).await
    }

    /// As the member of this token.
    pub async fn post_as(&self, token: &str, path: &str, body: &Value) -> TestAnswer {
        self.server.post(path, body).bearer(token).on(ACME).await
    }

    /// From one of the forum's own pages, in a browser with this cookie.
    pub async fn form(&self, cookie: &str, path: &str, fields: &[(&str, &str)]) -> TestAnswer {
        self.server.post_form(path, fields).cookie(cookie).on(ACME).await
    }

    /// A member of the forum who is signed in; gives the token.
    pub async fn member(&self, name: &str) -> String {
        let email = format!("{name}@example.test");
        let account = json!({"name": name, "email": email, "password": "correct horse"});
        self.post("/v1/members", &account).await.expect(201);
        let session = self.post("/v1/sessions", &account).await.expect(201);
        session["token"].as_str().expect("a token").to_owned()
    }
}

async fn serve(platform: &TestPlatform, configurator: &Configurator, settings: &[(&str, &str)]) -> TestServer {
    let mut variables = platform.env();
    variables.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    variables.insert("CONFIGURATOR_URL".into(), configurator.url.clone());
    let server = platform
        .serve(|lifecycle, bound, ambient| product::start::<Forum>(Env::new(variables), bound, ambient, lifecycle));
    server.await.documented(product::document::<Forum>())
}

fn active(platform: &TestPlatform, tenant: TenantId, url: &str) -> Value {
    active_instance(platform, tenant, &Manifest::parse(MANIFEST).expect("a manifest"), &["polls"], url)
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
