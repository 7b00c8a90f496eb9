//! What surrounds the service under test: a database, a Redis prefix, topics and queues that no other test sees.

use crate::{
    TestServer,
    background::Background,
    database, environment, eventually,
    issuer::{AUDIENCE, TestIssuer},
};
use access::{RecordStore, SessionStore, token::product_audience};
use common::{
    ambient::Ambient,
    config::{Base, Env},
    db::{self, CrossTenantTx, Db},
    server::{Bound, Lifecycle},
};
use contracts::{
    envelope::Envelope,
    id::{MessageId, Principal, SessionId, TenantId, UserId},
    messages::Message,
    roster,
    topology::Topic,
};
use messaging::Aws;
use redis::{
    AsyncCommands,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use service_kit::{Config, Service};
use sqlx::{PgPool, migrate::Migrator};
use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

/// Connections that a test has lent out are not waited for longer: the drop of the database ends them.
const POOL_CLOSES: Duration = Duration::from_secs(1);
/// The test's own connection to Redis waits this long, also on a machine that is busy with other tests.
const REDIS_PATIENCE: Duration = Duration::from_secs(10);

/// Everything that one test has for itself.
pub struct TestPlatform {
    /// Of a superuser, who looks over the walls between tenants; the service under test logs in as a plain role.
    pub pool: PgPool,
    pub redis: ConnectionManager,
    pub aws: Aws,
    pub ambient: Ambient,
    pub issuer: TestIssuer,
    /// Name of the database, prefix in Redis and of topics and queues.
    pub name: String,
    service: &'static str,
    /// Where the service under test runs.
    services: Background,
}

/// A signed-in user.
#[derive(Clone, Debug)]
pub struct TestUser {
    pub tenant: TenantId,
    pub user: UserId,
    pub session: SessionId,
    pub token: String,
}

impl TestPlatform {
    /// Makes everything that the service needs, its database migrated.
    pub async fn of<S: Service>() -> Self {
        Self::start(S::ROSTER.name, S::MIGRATOR).await
    }

    /// The service with this environment, on free ports, until the returned server is dropped.
    pub async fn run<S: Service>(&self, variables: HashMap<String, String>) -> TestServer {
        self.run_with::<S>(config::<S>(variables)).await
    }

    /// The same with a configuration that was read, and perhaps changed.
    pub async fn run_with<S: Service>(&self, config: Config<S::Settings>) -> TestServer {
        let server = self.serve(|lifecycle, bound, ambient| service_kit::start::<S>(config, bound, ambient, lifecycle));
        server.await.documented(service_kit::openapi::<S>())
    }

    /// Makes everything that `service` needs, its database migrated.
    pub async fn start(service: &'static str, migrator: &Migrator) -> Self {
        common::crypto::install();
        let ambient = Ambient::system();
        let name = format!("t{}", &ambient.uuid().simple().to_string()[12..]);
        database::create(&name, service, migrator).await;
        let aws = Aws::from_env(&name, &environment("AWS_ACCOUNT_ID")).await;
        let queues: Vec<_> = roster::queues_of(service).map(|queue| queue.name).collect();
        messaging::provision::provision_for(&aws, &queues).await.expect("making topics and queues");
        let pool = PgPool::connect_lazy(&database::superuser_url(&name)).expect("a database URL");
        let client = redis::Client::open(redis_url()).expect("a Redis URL");
        let patient = ConnectionManagerConfig::new()
            .set_response_timeout(Some(REDIS_PATIENCE))
            .set_connection_timeout(Some(REDIS_PATIENCE));
        let redis = ConnectionManager::new_with_config(client, patient).await.expect("connecting to Redis");
        let issuer = TestIssuer::start(ambient.clone()).await;
        Self { pool, redis, aws, ambient, issuer, name, service, services: Background::start() }
    }

    /// The test's own way to the service's database: nobody waits for what its commits wake.
    pub fn db(&self) -> Db {
        Db::new(self.pool.clone(), self.service, self.ambient.clone())
    }

    /// A transaction as background tasks and handlers of messages have it.
    pub async fn begin_across_tenants(&self) -> CrossTenantTx {
        background().begin_across_tenants(&self.db()).await.expect("a transaction")
    }

    /// The environment of the service under test, for `Env::new`.
    pub fn env(&self) -> HashMap<String, String> {
        let variables = [
            ("LISTEN_ADDR", "127.0.0.1:0".to_owned()),
            ("OPS_ADDR", "127.0.0.1:0".to_owned()),
            ("DATABASE_URL", database::plain_url(&self.name)),
            ("REDIS_URL", redis_url_of(self.service)),
            ("REDIS_PREFIX", self.redis_prefix()),
            ("AUTH_URL", self.issuer.url.clone()),
            ("PERMISSION_URL", self.issuer.url.clone()),
            ("CONFIGURATOR_URL", self.issuer.url.clone()),
            ("TOKEN_ISSUER", self.issuer.url.clone()),
            ("TOKEN_AUDIENCE", AUDIENCE.to_owned()),
            ("CLIENT_ID", self.service.to_owned()),
            ("CLIENT_SECRET", "only-the-test-issuer-takes-this".to_owned()),
            ("RESOURCE_PREFIX", self.name.clone()),
            ("AWS_ACCOUNT_ID", environment("AWS_ACCOUNT_ID")),
            ("AWS_REGION", environment("AWS_REGION")),
        ];
        variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Of the test's database.
    pub fn superuser_url(&self) -> String {
        database::superuser_url(&self.name)
    }

    pub fn redis_prefix(&self) -> String {
        format!("{}:", self.name)
    }

    /// A member of `tenant` who is signed in and has exactly `permissions`.
    pub async fn user(&self, tenant: TenantId, permissions: &[&str]) -> TestUser {
        let (user, session) = (UserId(self.ambient.uuid()), SessionId(self.ambient.uuid()));
        SessionStore::new(self.redis.clone(), &self.redis_prefix(), 0)
            .open(tenant, session, Duration::from_secs(600))
            .await
            .expect("opening a session");
        self.issuer.open_session(session);
        self.issuer.enrol(tenant, &Principal::User(user), self.ambient.uuid());
        self.allow(tenant, &Principal::User(user), permissions).await;
        let mut claims = self.issuer.claims(&user.to_string(), "web");
        claims.tid = Some(tenant);
        claims.sid = Some(session);
        if !roster::NAMES.contains(&self.service) {
            claims.aud = product_audience(&self.issuer.url, self.service);
        }
        claims.auth_time = Some(claims.iat);
        TestUser { tenant, user, session, token: self.issuer.sign(&claims) }
    }

    /// Leaves a record of exactly these permissions, as the permission service would.
    pub async fn allow(&self, tenant: TenantId, principal: &Principal, permissions: &[&str]) {
        self.issuer.allow(tenant, principal, permissions);
        let records = RecordStore::new(self.redis.clone(), &self.redis_prefix(), 0, self.ambient.clone());
        let stamps = records.stamps(tenant, principal).await.expect("reading stamps");
        let permissions: BTreeSet<String> = permissions.iter().map(|name| (*name).to_owned()).collect();
        records
            .write(tenant, principal, stamps, &permissions, Duration::from_secs(600))
            .await
            .expect("writing a record");
    }

    pub fn tenant(&self) -> TenantId {
        TenantId(self.ambient.uuid())
    }

    /// A token of a platform client such as `worker`.
    pub fn client_token(&self, client_id: &str) -> String {
        self.issuer.client(client_id)
    }

    /// An envelope around `data`, said by the first service that may, not yet published.
    pub fn envelope<M: Message>(&self, tenant: Option<TenantId>, data: &M) -> Envelope {
        Envelope::new(MessageId(self.ambient.uuid()), self.ambient.now(), M::PUBLISHERS[0], tenant, data)
            .expect("a message is JSON")
    }

    /// Publishes [`Self::envelope`]; gives the envelope, to be published again.
    pub async fn publish<M: Message>(&self, tenant: Option<TenantId>, data: &M) -> Envelope {
        let envelope = self.envelope(tenant, data);
        self.publish_envelope(M::TOPIC, &envelope).await;
        envelope
    }

    pub async fn publish_envelope(&self, topic: Topic, envelope: &Envelope) {
        let outcomes = self.aws.publisher().publish_batch(&[(topic, envelope.clone())]).await;
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    }

    /// The reasons of the messages in the dead-letter queue, once there are as many.
    pub async fn dead_letters(&self, queue: &str, many: usize) -> Vec<String> {
        let url = self.aws.queue_url(&self.aws.dead_queue_name(queue)).await.expect("a dead-letter queue");
        let mut reasons = Vec::new();
        eventually(&format!("{many} messages are dead"), async || {
            let receive = self.aws.sqs.receive_message().queue_url(&url).max_number_of_messages(10);
            let received = receive.message_attribute_names("All").send().await.expect("receiving");
            for message in received.messages.unwrap_or_default() {
                let reason = message.message_attributes.unwrap_or_default().remove("reason");
                reasons.extend(reason.and_then(|reason| reason.string_value));
            }
            (reasons.len() >= many).then_some(())
        })
        .await;
        reasons
    }

    /// Bodies of the messages of `kind` in the service's outbox, in the order they were written; the relay must not
    /// run.
    pub async fn outbox<M: Message>(&self) -> Vec<M> {
        let rows: Vec<serde_json::Value> =
            sqlx::query_scalar("SELECT envelope FROM outbox WHERE envelope->>'type' = $1 ORDER BY created_at, id")
                .bind(M::TYPE)
                .fetch_all(&self.pool)
                .await
                .expect("reading the outbox");
        rows.into_iter()
            .map(|mut row| serde_json::from_value(row["data"].take()).expect("a message of that type"))
            .collect()
    }

    /// Runs beside the service under test, and ends before what both stand on is removed.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.services.spawn(task);
    }

    /// Serves what `start` starts on free ports until the returned server is dropped.
    pub async fn serve<F>(&self, start: impl FnOnce(Lifecycle, Bound, Ambient) -> F) -> TestServer
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let variables = self.env();
        let mut env = Env::new(variables);
        let base = Base::read(&mut env, self.service, 1).expect("a complete environment");
        let bound = self.services.spawn(async move { Bound::bind(&base).await }).await;
        let bound = bound.expect("nobody ends the task").expect("binding ports");
        let (api, ops) = (bound.address().expect("a bound port"), bound.ops_address().expect("a bound port"));
        let lifecycle = Lifecycle::default();
        let shutdown = lifecycle.shutdown.clone();
        let serving = self.services.spawn(start(lifecycle, bound, self.ambient.clone()));
        TestServer::new(format!("http://{api}"), format!("http://{ops}"), shutdown, serving)
    }
}

/// What the service makes of an environment; panics if something is wrong with it.
pub fn config<S: Service>(variables: HashMap<String, String>) -> Config<S::Settings> {
    let mut env = Env::new(variables);
    let config = Config::read(&mut env, S::ROSTER);
    env.finish(config).unwrap_or_else(|faults| panic!("{faults}"))
}

impl Drop for TestPlatform {
    fn drop(&mut self) {
        let (name, prefix, services, pool) =
            (self.name.clone(), self.redis_prefix(), self.services.take(), self.pool.clone());
        clean_up(move || {
            // First whoever uses the database.
            services.end();
            async move {
                let _ = tokio::time::timeout(POOL_CLOSES, pool.close()).await;
                database::drop(&name).await;
                remove_keys(&prefix).await.expect("removing keys");
                let aws = Aws::from_env(&name, &environment("AWS_ACCOUNT_ID")).await;
                messaging::provision::teardown(&aws).await.expect("removing topics and queues");
            }
        });
    }
}

/// Removes what a test made, on a thread and a runtime of its own, because the test's is busy dropping.
pub fn clean_up<F: Future<Output = ()>>(removal: impl FnOnce() -> F + Send + 'static) {
    let cleaner = std::thread::spawn(move || {
        let removal = removal();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(removal);
    });
    // While a failing test unwinds, a second panic would hide the first.
    let cleaned = cleaner.join();
    assert!(cleaned.is_ok() || std::thread::panicking(), "the test left something behind");
}

/// The right of a background task, for tests that do what one does.
#[expect(clippy::disallowed_methods, reason = "nobody asks a test for anything")]
pub fn background() -> db::Background {
    db::Background::new()
}

/// The URL with which a test itself may do everything in Redis.
pub fn redis_url() -> String {
    environment("TEST_REDIS_URL")
}

/// The URL with which a service may do what it may do anywhere; a Redis without users has but one for all.
pub fn redis_url_of(service: &str) -> String {
    std::env::var(format!("TEST_REDIS_URL_{}", service.to_uppercase())).unwrap_or_else(|_| redis_url())
}

async fn remove_keys(prefix: &str) -> redis::RedisResult<()> {
    let mut connection = redis::Client::open(redis_url())?.get_multiplexed_async_connection().await?;
    let mut found = connection.scan_match::<_, String>(format!("{prefix}*")).await?;
    let mut keys = Vec::new();
    while let Some(key) = found.next_item().await.transpose()? {
        keys.push(key);
    }
    drop(found);
    if keys.is_empty() { Ok(()) } else { redis::cmd("DEL").arg(keys).query_async(&mut connection).await }
}
