//! A database and queues of a test's own, gone when it ends.

use common::{
    ambient::Ambient,
    db::{CrossTenantTx, Db},
};
use contracts::{
    envelope::Envelope,
    id::{MessageId, TenantId, UserId},
    messages::MemberJoined,
};
use futures_util::FutureExt;
use messaging::{Aws, Consumer, Delivery, Fault, Handle, Relay, consumer::Options, provision};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{
    panic::{AssertUnwindSafe, resume_unwind},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub const QUEUE: &str = "permission";
const EFFECTS: &str = "CREATE TABLE effects (message_id uuid NOT NULL)";
/// Twice the visibility timeout after which a message comes back whose first receiver was never heard of again.
const DEADLINE: Duration = Duration::from_secs(60);

pub struct World {
    pub aws: Aws,
    pub account: String,
    pub prefix: String,
    pub pool: PgPool,
    pub db: Db,
    pub ambient: Ambient,
    database: PgConnectOptions,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Runs `test` in a world that is taken down afterwards, also when the test fails.
pub async fn within(test: impl AsyncFnOnce(&World)) {
    let world = World::create().await;
    let result = AssertUnwindSafe(test(&world)).catch_unwind().await;
    world.destroy().await;
    if let Err(panic) = result {
        resume_unwind(panic);
    }
}

/// Waits until `condition` holds, and fails when it does not in time.
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let patience = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(DEADLINE, patience).await.is_ok(), "waited in vain until {what}");
}

pub fn env(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} says what to test against"))
}

impl World {
    async fn create() -> Self {
        let ambient = Ambient::system();
        let name = format!("messaging_{}", &ambient.uuid().simple().to_string()[20..]);
        let admin: PgConnectOptions = env("TEST_DATABASE_URL").parse().unwrap();
        PgConnection::connect_with(&admin)
            .await
            .unwrap()
            .execute(AssertSqlSafe(format!("CREATE DATABASE {name}")))
            .await
            .unwrap();
        let database = admin.database(&name);
        let url = database.to_url_lossy().to_string().into();
        let pool = common::db::connect(&common::config::Database { url, max_connections: 10 }).unwrap();
        let mut conn = pool.acquire().await.unwrap();
        messaging::tables::migrator().run(&mut *conn).await.unwrap();
        drop(conn);
        sqlx::raw_sql(EFFECTS).execute(&pool).await.unwrap();
        let (account, prefix) = (env("AWS_ACCOUNT_ID"), name.replace('_', "-"));
        let aws = Aws::from_env(&prefix, &account).await;
        provision::provision_for(&aws, &[QUEUE]).await.unwrap();
        Self {
            aws,
            account,
            prefix,
            db: Db::new(pool.clone(), "auth", ambient.clone()),
            pool,
            ambient,
            database,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    async fn destroy(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        provision::teardown(&self.aws).await.unwrap();
        self.pool.close().await;
        let admin: PgConnectOptions = env("TEST_DATABASE_URL").parse().unwrap();
        let name = self.database.get_database().unwrap();
        PgConnection::connect_with(&admin)
            .await
            .unwrap()
            .execute(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)")))
            .await
            .unwrap();
    }

    /// A pool for the world's database behind another port, which gives up soon.
    pub async fn pool_through(&self, port: u16) -> PgPool {
        let options = PgPoolOptions::new().acquire_timeout(Duration::from_millis(300));
        options.connect_with(self.database.clone().host("127.0.0.1").port(port)).await.unwrap()
    }

    pub fn db_of(&self, pool: PgPool) -> Db {
        Db::new(pool, "auth", self.ambient.clone())
    }

    /// A connection that no pool hands out again.
    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect_with(&self.database).await.unwrap()
    }

    pub fn database_address(&self) -> String {
        format!("{}:{}", self.database.get_host(), self.database.get_port())
    }

    pub fn relay(&self) {
        self.spawn(
            Relay::new(self.db.clone(), self.aws.publisher()).lease(Duration::from_secs(1)).run(self.stop.clone()),
        );
    }

    pub fn consume(&self, recorder: Recorder) {
        self.spawn(self.consumer(recorder, self.db.clone()).in_part().run(self.stop.clone()));
    }

    /// A consumer with short waits.
    pub fn consumer(&self, recorder: Recorder, db: Db) -> Consumer {
        Consumer::new(&self.aws, QUEUE, db).on::<MemberJoined, _>(recorder).options(brisk())
    }

    /// Runs until the world ends.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    pub fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    pub fn fact(&self) -> MemberJoined {
        MemberJoined {
            tenant_id: TenantId(self.ambient.uuid()),
            user_id: UserId(self.ambient.uuid()),
            membership_id: None,
        }
    }

    pub fn envelope(&self) -> Envelope {
        Envelope::new(MessageId(self.ambient.uuid()), self.ambient.now(), "auth", None, &self.fact()).unwrap()
    }

    #[expect(clippy::disallowed_methods, reason = "nobody asks for it")]
    pub async fn begin(&self) -> CrossTenantTx {
        self.db.begin_across_tenants().await.unwrap()
    }

    /// Publishes a fact in a transaction of its own.
    pub async fn say(&self) -> MessageId {
        let mut tx = self.begin().await;
        let id = messaging::publish(&mut tx, &self.fact()).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    /// Puts a body into the queue itself.
    pub async fn enqueue(&self, body: &str) {
        let url = self.aws.queue_url(&self.aws.queue_name(QUEUE)).await.unwrap();
        self.aws.sqs.send_message().queue_url(url).message_body(body).send().await.unwrap();
    }

    pub async fn effects(&self) -> Vec<MessageId> {
        sqlx::query_scalar::<_, uuid::Uuid>("SELECT message_id FROM effects ORDER BY 1")
            .fetch_all(&self.pool)
            .await
            .unwrap()
            .into_iter()
            .map(MessageId)
            .collect()
    }

    /// As nobody but a superuser can: in the middle of everything, on a connection of its own.
    pub async fn alter(&self, what: &str) {
        let name = self.database.get_database().unwrap();
        let admin: PgConnectOptions = env("TEST_DATABASE_URL").parse().unwrap();
        let mut admin = PgConnection::connect_with(&admin).await.unwrap();
        admin.execute(AssertSqlSafe(format!("ALTER DATABASE {name} {what}"))).await.unwrap();
    }

    /// Ends every other connection to the database, and waits until they have ended.
    pub async fn disconnect_all_but(&self, kept: &mut PgConnection) {
        let admin: PgConnectOptions = env("TEST_DATABASE_URL").parse().unwrap();
        let mut admin = PgConnection::connect_with(&admin).await.unwrap();
        let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(kept).await.unwrap();
        let sql = "SELECT coalesce(bool_and(pg_terminate_backend(pid, 10000)), true) FROM pg_stat_activity WHERE datname = $1 AND pid <> $2";
        let ended: bool =
            sqlx::query_scalar(sql).bind(self.database.get_database()).bind(pid).fetch_one(&mut admin).await.unwrap();
        assert!(ended, "every other connection ends within 10 s");
    }

    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }

    /// Waits until the queue holds nothing, neither waiting nor being handled.
    pub async fn until_drained(&self) {
        use aws_sdk_sqs::types::QueueAttributeName::{
            ApproximateNumberOfMessages as Waiting, ApproximateNumberOfMessagesNotVisible as Held,
        };
        let url = self.aws.queue_url(&self.aws.queue_name(QUEUE)).await.unwrap();
        until("the queue is empty", async || {
            let answer = self
                .aws
                .sqs
                .get_queue_attributes()
                .queue_url(&url)
                .attribute_names(Waiting)
                .attribute_names(Held)
                .send()
                .await
                .unwrap();
            answer.attributes().unwrap().values().all(|count| count == "0")
        })
        .await;
    }

    /// The next dead letter, if there is one within `seconds`.
    pub async fn next_dead_letter(&self, seconds: i32) -> Option<aws_sdk_sqs::types::Message> {
        let url = self.aws.queue_url(&self.aws.dead_queue_name(QUEUE)).await.unwrap();
        let receive = self
            .aws
            .sqs
            .receive_message()
            .queue_url(url)
            .wait_time_seconds(seconds)
            .visibility_timeout(600)
            .message_attribute_names("All");
        receive.customize().config_override(patient()).send().await.unwrap().messages.unwrap_or_default().pop()
    }

    /// The next dead letter's body and reason.
    pub async fn dead_letter(&self) -> (String, String) {
        let letter = self.next_dead_letter(20).await.expect("a dead letter arrives within 20 s");
        let reason = letter.message_attributes().unwrap()["reason"].string_value().unwrap();
        (letter.body().unwrap().to_owned(), reason.to_owned())
    }
}

/// Lets a long poll of a test take its time.
pub fn patient() -> aws_sdk_sqs::config::Builder {
    let timeouts = aws_sdk_sqs::config::timeout::TimeoutConfig::builder()
        .operation_attempt_timeout(DEADLINE)
        .operation_timeout(DEADLINE)
        .build();
    aws_sdk_sqs::config::Config::builder().timeout_config(timeouts)
}

pub fn brisk() -> Options {
    Options {
        long_poll: Duration::from_secs(1),
        retry_base: Duration::ZERO,
        reconnect_base: Duration::from_millis(5),
        ..Options::default()
    }
}

/// A handler that records its effect and then ends as it is told for each attempt, counted from 1.
#[derive(Clone)]
pub struct Recorder {
    pub attempts: Arc<AtomicU32>,
    then: fn(u32) -> Result<(), Fault>,
}

impl Recorder {
    pub fn new() -> Self {
        Self::then(|_| Ok(()))
    }

    pub fn then(then: fn(u32) -> Result<(), Fault>) -> Self {
        Self { attempts: Arc::default(), then }
    }

    pub fn attempts(&self) -> u32 {
        self.attempts.load(Ordering::SeqCst)
    }
}

impl Handle<MemberJoined> for Recorder {
    type Tx = CrossTenantTx;

    async fn handle(&self, tx: &mut CrossTenantTx, message: &Delivery<MemberJoined>) -> Result<(), Fault> {
        sqlx::query("INSERT INTO effects VALUES ($1)").bind(message.id.0).execute(&mut **tx).await?;
        (self.then)(self.attempts.fetch_add(1, Ordering::SeqCst) + 1)
    }
}
