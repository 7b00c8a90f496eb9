//! What surrounds the worker: queues and a database, a bundle, a provisioned instance, configurator.

use crate::{
    bundles::Bundles,
    instance::{Configurator, Instance},
    kinds::TestWorker,
};
use chrono::{DateTime, Utc};
use contracts::{
    id::{InstanceId, JobId, TenantId},
    jobs::{BundlePart, Job, MigrateInstance, SeedInstance},
    messages::{JobFinished, Message, RunJob},
    topology,
};
use serde_json::{Value, json};
use std::{collections::HashMap, process::Stdio, time::Duration};
use test_support::{Link, TestPlatform, TestServer, config, eventually};
use tokio::{
    process::{Child, Command},
    time::timeout,
};
use uuid::Uuid;

/// A job of these tests, with its waits and a takeover, ends in this time once its order has arrived.
const LONGEST_JOB: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

pub struct World {
    pub platform: TestPlatform,
    pub instance: Instance,
    pub configurator: Configurator,
    pub bundles: Bundles,
    pub tenant: TenantId,
}

/// A job as it lies in the table.
#[derive(Debug, sqlx::FromRow)]
pub struct Row {
    pub state: String,
    pub attempts: i32,
    pub takeovers: i32,
    pub worker: Option<String>,
    pub last_error: Option<String>,
    pub output: Option<Value>,
    pub started_at: Option<DateTime<Utc>>,
    pub log: String,
}

impl World {
    pub async fn start() -> Self {
        let platform = TestPlatform::of::<worker::Worker>().await;
        // What the worker says is heard by configurator's queue.
        messaging::provision::provision_for(&platform.aws, &["configurator"]).await.unwrap();
        let instance = Instance::provision(InstanceId(platform.ambient.uuid())).await;
        let (bundles, tenant) = (Bundles::forum(&platform.name), platform.tenant());
        let configurator = Configurator::start(&instance, tenant).await;
        Self { platform, instance, configurator, bundles, tenant }
    }

    pub async fn with_worker() -> (Self, TestServer) {
        let world = Self::start().await;
        let worker = world.worker().await;
        (world, worker)
    }

    pub fn env(&self) -> HashMap<String, String> {
        let mut env = self.platform.env();
        env.insert("CONFIGURATOR_URL".into(), self.configurator.url.clone());
        env.insert("BUNDLES_DIR".into(), self.bundles.0.to_string_lossy().into_owned());
        env.insert("JOB_LEASE_SECONDS".into(), "2".into());
        env
    }

    /// A worker in this process.
    pub async fn worker(&self) -> TestServer {
        self.worker_with(HashMap::new()).await
    }

    /// The same with these variables besides.
    pub async fn worker_with(&self, variables: HashMap<String, String>) -> TestServer {
        let mut env = self.env();
        env.extend(variables);
        let mut config = config::<TestWorker>(env);
        config.own.drain = Duration::from_millis(200);
        config.own.supervisor = env!("CARGO_BIN_EXE_worker").into();
        self.platform.run_with::<TestWorker>(config).await
    }

    /// A worker in this process that reaches its database through `link`.
    pub async fn worker_through(&self, link: &Link) -> TestServer {
        let mut variables = self.env();
        variables.insert("DATABASE_URL".into(), link.through(&variables["DATABASE_URL"]));
        self.platform.run::<worker::Worker>(variables).await
    }

    /// A worker in a process of its own, which can be killed.
    pub fn process(&self) -> Child {
        self.process_with(HashMap::new())
    }

    /// The same with these variables besides.
    pub fn process_with(&self, variables: HashMap<String, String>) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_worker"));
        command
            .arg("serve")
            .envs(self.env())
            .envs(variables)
            .env("RUST_LOG", "warn")
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }

    /// The order to do `job` for the world's instance.
    pub fn order(&self, job: &impl Job) -> RunJob {
        RunJob::of(JobId(self.platform.ambient.uuid()), self.instance.id, job).unwrap()
    }

    pub fn migrate(&self) -> RunJob {
        self.order(&MigrateInstance { bundle: forum() })
    }

    pub fn seed(&self) -> RunJob {
        let settings = json!({"title": "Acme's board"}).as_object().cloned().unwrap();
        self.order(&SeedInstance { bundle: forum(), settings })
    }

    pub async fn publish(&self, order: &RunJob) -> JobId {
        self.platform.publish(Some(self.tenant), order).await;
        order.job_id
    }

    /// Orders the job and waits for its end.
    pub async fn run(&self, order: &RunJob) -> Row {
        let id = self.publish(order).await;
        self.ended(id).await
    }

    pub async fn row(&self, id: JobId) -> Option<Row> {
        let sql = "SELECT state, attempts, takeovers, worker, last_error, output, started_at, coalesce(
                   (SELECT string_agg(text, E'\\n' ORDER BY id) FROM job_log WHERE job_id = jobs.id), '') AS log
                   FROM jobs WHERE id = $1";
        sqlx::query_as(sql).bind(id.0).fetch_optional(&self.platform.pool).await.unwrap()
    }

    pub async fn until(&self, what: &str, id: JobId, test: impl Fn(&Row) -> bool) -> Row {
        eventually(what, async || self.row(id).await.filter(|row| test(row))).await
    }

    /// Waits longer than [`eventually`]: the long poll of a killed worker stays open at the queue and can swallow the
    /// next order, which comes back when its visibility ends. That is late, but not lost.
    pub async fn ended(&self, id: JobId) -> Row {
        let swallowed = topology::queue("worker").unwrap().visibility_timeout;
        let ended = async {
            loop {
                match self.row(id).await {
                    Some(row) if ["succeeded", "failed", "cancelled"].contains(&row.state.as_str()) => return row,
                    _ => tokio::time::sleep(POLL).await,
                }
            }
        };
        match timeout(swallowed + LONGEST_JOB, ended).await {
            Ok(row) => row,
            Err(_) => panic!("the job did not end: {:?}", self.row(id).await),
        }
    }

    /// What configurator is told of `jobs` jobs, and of nothing else.
    pub async fn told(&self, jobs: usize) -> Vec<JobFinished> {
        let aws = &self.platform.aws;
        let queue = aws.queue_url(&aws.queue_name("configurator")).await.unwrap();
        let mut told = Vec::new();
        eventually("the ends of the jobs are told", async || {
            let received = aws.sqs.receive_message().queue_url(&queue).max_number_of_messages(10).send().await.unwrap();
            for message in received.messages.unwrap_or_default() {
                aws.sqs
                    .delete_message()
                    .queue_url(&queue)
                    .receipt_handle(message.receipt_handle().unwrap())
                    .send()
                    .await
                    .unwrap();
                let envelope: contracts::envelope::Envelope = serde_json::from_str(message.body().unwrap()).unwrap();
                assert_eq!((envelope.kind.as_str(), envelope.tenant), (JobFinished::TYPE, Some(self.tenant)));
                told.push(serde_json::from_value::<JobFinished>(envelope.data).unwrap());
            }
            let unsaid: i64 =
                sqlx::query_scalar("SELECT count(*) FROM outbox").fetch_one(&self.platform.pool).await.unwrap();
            (told.len() >= jobs && unsaid == 0).then_some(())
        })
        .await;
        assert_eq!(told.len(), jobs, "{told:?}");
        told
    }

    pub fn id(&self) -> Uuid {
        self.platform.ambient.uuid()
    }
}

/// The forum with both modules, the dependant first.
fn forum() -> BundlePart {
    BundlePart { service: "forum".into(), bundle_version: "1.0.0".into(), modules: vec!["polls".into(), "tags".into()] }
}
