//! A database and queues of a test's own, and handlers that note what they take.

use aws_config::BehaviorVersion;
use aws_sdk_sqs::types::{Message, QueueAttributeName, SendMessageBatchRequestEntry};
use common::{
    config::Database,
    db::{self, CrossTenantTx, Db},
};
use contracts::{
    envelope::Envelope,
    id::{MessageId, TenantId, UserId},
    messages::MemberJoined,
};
use messaging::{Aws, Consumer, Delivery, Fault, Handle, Relay, console::QueueState, consumer::Options};
use sqlx::{
    AssertSqlSafe, Connection, PgConnection, PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use test_support::{TestPlatform, admin_url, eventually};
use tokio_util::sync::CancellationToken;

pub const QUEUE: &str = "permission";
/// Longest time for a call that waits for messages.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct World {
    platform: TestPlatform,
    /// As a service has it: what is read-only is not used.
    pub pool: PgPool,
    pub db: Db,
    database: PgConnectOptions,
}

impl Deref for World {
    type Target = TestPlatform;
    fn deref(&self) -> &TestPlatform {
        &self.platform
    }
}

/// Waits until `condition` holds.
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    eventually(what, async || condition().await.then_some(())).await;
}

impl World {
    pub async fn start() -> Self {
        let platform = TestPlatform::start(QUEUE, &Migrator::with_migrations(Vec::new())).await;
        let url = platform.superuser_url();
        let database = url.parse().unwrap();
        let pool = db::connect(&Database { url: url.into(), max_connections: 10 }).unwrap();
        sqlx::raw_sql("CREATE TABLE effects (message_id uuid NOT NULL)").execute(&pool).await.unwrap();
        let db = Db::new(pool.clone(), "auth", platform.ambient.clone());
        Self { platform, pool, db, database }
    }

    /// What is reached through another port of this machine.
    pub async fn aws_through(&self, port: u16) -> Aws {
        let config = aws_config::defaults(BehaviorVersion::latest());
        let config = config.endpoint_url(format!("http://127.0.0.1:{port}")).load().await;
        Aws::new(&config, &self.name, &self.env()["AWS_ACCOUNT_ID"])
    }

    /// A database behind another port, whose pool gives up soon.
    pub async fn db_through(&self, port: u16) -> Db {
        let options = PgPoolOptions::new().acquire_timeout(Duration::from_millis(300));
        let pool = options.connect_with(self.database.clone().host("127.0.0.1").port(port)).await.unwrap();
        Db::new(pool, "auth", self.ambient.clone())
    }

    /// The same database with so many connections.
    pub async fn db_of(&self, connections: u32) -> Db {
        let pool = PgPoolOptions::new().max_connections(connections).connect_with(self.database.clone()).await;
        Db::new(pool.unwrap(), "auth", self.ambient.clone())
    }

    /// A connection that no pool hands out again.
    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect_with(&self.database).await.unwrap()
    }

    pub fn database_address(&self) -> String {
        format!("{}:{}", self.database.get_host(), self.database.get_port())
    }

    pub fn relay(&self) {
        let relay = Relay::new(self.db.clone(), self.aws.publisher()).lease(Duration::from_secs(1));
        self.spawn(relay.run(CancellationToken::new()));
    }

    /// A relay that reaches SNS through another port.
    pub async fn relay_through(&self, port: u16) {
        let relay = Relay::new(self.db.clone(), self.aws_through(port).await.publisher());
        self.spawn(relay.run(CancellationToken::new()));
    }

    /// Takes messages with short waits until the test ends.
    pub fn consume(&self, handler: impl Handle<MemberJoined>) {
        self.consume_with(handler, brisk());
    }

    pub fn consume_with(&self, handler: impl Handle<MemberJoined>, options: Options) {
        self.spawn(self.consumer(handler, options).run(CancellationToken::new()));
    }

    pub fn consumer(&self, handler: impl Handle<MemberJoined>, options: Options) -> Consumer {
        Consumer::new(&self.aws, QUEUE, self.db.clone()).on::<MemberJoined, _>(handler).options(options)
    }

    pub fn fact(&self) -> MemberJoined {
        let (tenant_id, user_id) = (TenantId(self.ambient.uuid()), UserId(self.ambient.uuid()));
        MemberJoined { tenant_id, user_id, membership_id: None }
    }

    pub fn said(&self) -> Envelope {
        self.envelope(None, &self.fact())
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

    pub async fn queue_url(&self) -> String {
        self.aws.queue_url(&self.aws.queue_name(QUEUE)).await.unwrap()
    }

    /// Puts a body into the queue itself.
    pub async fn enqueue(&self, body: &str) {
        self.aws.sqs.send_message().queue_url(self.queue_url().await).message_body(body).send().await.unwrap();
    }

    /// Puts up to ten bodies into the queue at once.
    pub async fn enqueue_all(&self, bodies: &[String]) {
        let entries = bodies.iter().zip(0..).map(|(body, id)| {
            let entry = SendMessageBatchRequestEntry::builder().id(id.to_string()).message_body(body);
            entry.build().unwrap()
        });
        let send = self.aws.sqs.send_message_batch().queue_url(self.queue_url().await);
        assert!(send.set_entries(Some(entries.collect())).send().await.unwrap().failed().is_empty());
    }

    /// Messages in the queue that anybody may receive.
    pub async fn waiting(&self) -> usize {
        self.state().await.waiting.try_into().unwrap()
    }

    /// Dead letters that anybody may receive.
    pub async fn dead(&self) -> usize {
        self.state().await.dead.try_into().unwrap()
    }

    pub async fn state(&self) -> QueueState {
        self.aws.console().state(QUEUE).await.unwrap()
    }

    pub async fn effects(&self) -> Vec<MessageId> {
        let ids = sqlx::query_scalar::<_, uuid::Uuid>("SELECT message_id FROM effects ORDER BY 1");
        ids.fetch_all(&self.pool).await.unwrap().into_iter().map(MessageId).collect()
    }

    /// As nobody but a superuser can: in the middle of everything, on a connection of its own.
    pub async fn alter(&self, what: &str) {
        test_support::run_sql(&admin_url(), format!("ALTER DATABASE {} {what}", self.name)).await;
    }

    /// Ends every other connection to the database, and waits until they have ended.
    pub async fn disconnect_all_but(&self, kept: &mut PgConnection) {
        let mut admin = PgConnection::connect(&admin_url()).await.unwrap();
        let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(kept).await.unwrap();
        let others = "SELECT pid FROM pg_stat_activity WHERE datname = $1 AND pid <> $2";
        let others: Vec<i32> =
            sqlx::query_scalar(others).bind(&self.name).bind(pid).fetch_all(&mut admin).await.unwrap();
        let end = "SELECT count(pg_terminate_backend(pid)) FROM unnest($1::integer[]) AS pid";
        sqlx::query(end).bind(&others).execute(&mut admin).await.unwrap();
        let left = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY($1)";
        until("every other connection has ended", async || {
            let left: i64 = sqlx::query_scalar(left).bind(&others).fetch_one(&mut admin).await.unwrap();
            left == 0
        })
        .await;
    }

    pub async fn run_sql(&self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&self.pool).await.unwrap();
    }

    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }

    /// Waits until the queue holds nothing, neither waiting nor being handled.
    pub async fn until_drained(&self) {
        use QueueAttributeName::{ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible};
        let url = self.queue_url().await;
        until("the queue is empty", async || {
            self.attribute(&url, ApproximateNumberOfMessages).await == "0"
                && self.attribute(&url, ApproximateNumberOfMessagesNotVisible).await == "0"
        })
        .await;
    }

    pub async fn attribute(&self, url: &str, name: QueueAttributeName) -> String {
        let attributes = self.aws.sqs.get_queue_attributes().queue_url(url).attribute_names(name.clone()).send().await;
        attributes.unwrap().attributes().unwrap()[&name].clone()
    }

    pub async fn dead_queue_url(&self) -> String {
        self.aws.queue_url(&self.aws.dead_queue_name(QUEUE)).await.unwrap()
    }

    /// The next dead letter, if there is one within `seconds`.
    pub async fn next_dead_letter(&self, seconds: i32) -> Option<Message> {
        let receive = self.aws.sqs.receive_message().queue_url(self.dead_queue_url().await).wait_time_seconds(seconds);
        let receive = receive.visibility_timeout(600).message_attribute_names("All");
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
    let timeouts = aws_sdk_sqs::config::timeout::TimeoutConfig::builder();
    let timeouts = timeouts.operation_attempt_timeout(PATIENCE).operation_timeout(PATIENCE).build();
    aws_sdk_sqs::config::Config::builder().timeout_config(timeouts)
}

pub fn brisk() -> Options {
    let (retry_base, reconnect_base, pause_look) =
        (Duration::ZERO, Duration::from_millis(5), Duration::from_millis(50));
    Options { long_poll: Duration::from_secs(1), retry_base, reconnect_base, pause_look, ..Options::default() }
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
        take_effect(tx, message).await?;
        (self.then)(self.attempts.fetch_add(1, Ordering::SeqCst) + 1)
    }
}

/// Writes down that the message was taken.
pub async fn take_effect(tx: &mut CrossTenantTx, message: &Delivery<MemberJoined>) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO effects VALUES ($1)").bind(message.id.0).execute(&mut **tx).await.map(drop)
}
