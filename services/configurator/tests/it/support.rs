//! What every test of the configurator needs: a catalog, a tenant, and what stands around the service.

use crate::{
    admin::{Admin, superuser},
    world::{DnsFile, Worker},
};
use chrono::TimeDelta;
use common::{db::TenantScope, server::Health};
use configurator::{
    Configurator,
    app::App,
    config::Settings,
    provisioning::{
        server::Names,
        store::{self, Claim},
    },
};
use contracts::{
    id::{InstanceId, JobId, MessageId},
    messages::{JobFinished, JobOutcome, RunJob},
};
use messaging::{Delivery, Handle};
use serde_json::{Value, json};
use service_kit::Config;
use test_support::{TestAnswer, TestPlatform, TestServer, TestUser, background};

pub const HOST: &str = "acme.forum.localhost";
pub const OWNER: &[&str] = &["configurator.readInstances", "configurator.writeInstances"];

/// The API alone: no relay, no provisioner, no consumer. A test does their steps itself and sees everything that is
/// written.
pub struct Fixture {
    // In the order of dropping: each stops before what it works on is removed.
    pub server: TestServer,
    pub app: App,
    pub ada: TestUser,
    pub worker: Worker,
    pub dns: DnsFile,
    pub admin: Admin,
    pub platform: TestPlatform,
}

pub async fn start() -> Fixture {
    start_with(&[]).await
}

/// With these settings beside the usual ones.
pub async fn start_with(settings: &[(&str, &str)]) -> Fixture {
    let platform = TestPlatform::of::<configurator::Configurator>().await;
    let admin = Admin::create(&platform).await;
    let (worker, dns) = (Worker::start().await, DnsFile::new(&platform.name));
    let settings = [&[("WORKER_URL", worker.url.as_str()), ("DNS_TXT_FILE", dns.path())], settings].concat();
    let config = config_with(&platform, &admin.url, &settings);
    let app = service_kit::app::<Configurator>(config, platform.ambient.clone()).await.expect("an app");
    let router = service_kit::router::<Configurator>(app.clone());
    let serve = async |lifecycle, bound: common::server::Bound, _| {
        Ok(bound.serve(router, Health::default(), lifecycle).await?)
    };
    let server = platform.serve(serve).await.documented(service_kit::openapi::<configurator::Configurator>());
    let ada = platform.user(platform.tenant(), OWNER).await;
    let fixture = Fixture { server, app, ada, worker, dns, admin, platform };
    fixture.publish(&manifest("1.0.0")).await.expect(201);
    fixture
}

pub fn config(platform: &TestPlatform, instance_admin_url: &str) -> Config<Settings> {
    config_with(platform, instance_admin_url, &[])
}

pub fn config_with(platform: &TestPlatform, instance_admin_url: &str, settings: &[(&str, &str)]) -> Config<Settings> {
    let mut variables = platform.env();
    variables.insert("SECRET_ENCRYPTION_KEY".into(), "c2V2ZW4gbGVhZ3VlcywgdGhpcnR5LXR3byBieXRlcyE=".into());
    variables.insert("INSTANCE_ADMIN_URL".into(), instance_admin_url.into());
    variables.insert("PRODUCT_DOMAINS".into(), "forum.localhost,wiki.localhost".into());
    variables.insert("DNS_TXT_FILE".into(), "/nowhere/dns-txt".into());
    variables.insert("WORKER_URL".into(), "http://127.0.0.1:1".into());
    variables.insert("PLATFORM_DOMAIN".into(), "platform.test".into());
    variables.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    test_support::config::<Configurator>(variables)
}

pub fn manifest(version: &str) -> Value {
    json!({
        "service": "forum", "version": version, "title": "Forum", "currency": "EUR", "price_per_hour": "0.02",
        "permissions": [{"name": "forum.deletePosts", "text": "Delete anybody's post"}],
        "modules": [
            {"name": "charts", "title": "Charts", "depends_on": ["polls"], "price_per_hour": "0.01"},
            {"name": "polls", "title": "Polls", "price_per_hour": "0.01"},
        ],
        "meters": [{"name": "posts", "unit": "post", "table": "posts", "price_per_unit": "0.001"}],
        "setup": {
            "type": "object", "additionalProperties": false, "required": ["title"],
            "properties": {"title": {"type": "string", "minLength": 3, "maxLength": 80},
                "posts_per_page": {"type": "integer", "minimum": 1, "maximum": 100}},
        },
    })
}

impl Fixture {
    /// Publishes as the forum itself does.
    pub async fn publish(&self, manifest: &Value) -> TestAnswer {
        self.as_forum(self.server.put("/internal/services/forum", &json!({"manifest": manifest}))).await
    }

    pub async fn as_forum(&self, request: test_support::TestRequest) -> TestAnswer {
        request.bearer(&self.platform.client_token("forum")).send().await
    }

    pub async fn as_ada(&self, request: test_support::TestRequest) -> TestAnswer {
        request.bearer(&self.ada.token).send().await
    }

    /// Somebody who may do in another tenant what Ada may do in hers.
    pub async fn stranger(&self) -> TestUser {
        self.platform.user(self.platform.tenant(), OWNER).await
    }

    pub async fn publish_as_operator(&self, manifest: &Value) -> TestAnswer {
        let operator = self.platform.user(self.platform.tenant(), &["configurator.publishServices"]).await;
        self.server.post("/v1/services", &json!({"manifest": manifest})).bearer(&operator.token).repeated().await
    }

    /// Another process of the service, with these settings beside the usual ones.
    pub async fn another_app(&self, settings: &[(&str, &str)]) -> App {
        let config = config_with(&self.platform, &self.admin.url, settings);
        service_kit::app::<Configurator>(config, self.platform.ambient.clone()).await.expect("an app")
    }

    pub async fn create(&self, host: &str, modules: &[&str]) -> TestAnswer {
        let asked = json!({"service": "forum", "host": host, "modules": modules});
        self.server.post("/v1/instances", &asked).bearer(&self.ada.token).repeated().await
    }

    /// A new instance that nobody has provisioned yet.
    pub async fn requested(&self, host: &str, modules: &[&str]) -> InstanceId {
        id(&self.create(host, modules).await.expect(202))
    }

    /// The right to Ada's tenant's transactions, as background tasks have it.
    pub fn tenant(&self) -> TenantScope {
        background().scope(&self.app.db, self.ada.tenant)
    }

    /// Claims the instance that is due longest, as a provisioner that then ends.
    pub async fn claim(&self) -> Claim {
        let now = self.platform.ambient.now();
        let mut tx = background().begin_across_tenants(&self.app.db).await.expect("a transaction");
        let claim = store::claim(&mut tx, self.platform.ambient.uuid(), now, now + TimeDelta::seconds(40)).await;
        tx.commit().await.expect("a commit");
        claim.expect("a database").expect("an instance that is due")
    }

    pub async fn provision(&self) -> Option<InstanceId> {
        configurator::provisioning::provision_next(&self.app, background()).await.expect("a database")
    }

    pub async fn awaiting_setup(&self, host: &str, modules: &[&str]) -> InstanceId {
        let id = self.requested(host, modules).await;
        assert_eq!(self.provision().await, Some(id));
        id
    }

    pub async fn migrating(&self, host: &str, modules: &[&str]) -> InstanceId {
        let id = self.awaiting_setup(host, modules).await;
        let code = self.get(id).await["setup_code"].clone();
        self.submit(host, &json!({"setup_code": code, "settings": {"title": "Acme"}})).await.expect(202);
        id
    }

    pub async fn active(&self, host: &str, modules: &[&str]) -> InstanceId {
        let id = self.migrating(host, modules).await;
        for _ in 0..2 {
            let job = self.last_job().await;
            self.finished(&job, JobOutcome::Succeeded, None).await;
        }
        assert_eq!(self.get(id).await["state"], "active");
        id
    }

    pub async fn read(&self, id: InstanceId) -> TestAnswer {
        self.as_ada(self.server.get(&format!("/v1/instances/{id}"))).await
    }

    pub async fn get(&self, id: InstanceId) -> Value {
        self.read(id).await.expect(200)
    }

    /// Asserts the state that it is in, and that nothing has failed there.
    pub async fn assert_well(&self, id: InstanceId, state: &str) {
        let instance = self.get(id).await;
        assert_eq!((&instance["state"], &instance["reason"]), (&json!(state), &Value::Null));
    }

    pub async fn cancel(&self, id: InstanceId) -> TestAnswer {
        self.as_ada(self.server.delete(&format!("/v1/instances/{id}"))).await
    }

    pub async fn retry(&self, id: InstanceId) -> TestAnswer {
        self.server.post(&format!("/v1/instances/{id}/retry"), &()).bearer(&self.ada.token).repeated().await
    }

    /// As the worker asks for them.
    pub async fn credentials(&self, id: InstanceId) -> TestAnswer {
        let request = self.server.get(&format!("/internal/instances/{id}/credentials"));
        request.bearer(&self.platform.client_token("forum-worker")).send().await
    }

    /// The deadline of the instance has come, or the claim on it has run out.
    pub async fn due(&self, id: InstanceId) {
        self.tamper("UPDATE instances SET due_at = created_at WHERE id = $1", id).await;
    }

    /// Looks once at everything that is due; gives how much that was.
    pub async fn pass(&self) -> usize {
        configurator::deadlines::pass(&self.app, background()).await.expect("a database")
    }

    pub async fn host(&self, host: &str) -> TestAnswer {
        self.as_forum(self.server.get(&format!("/internal/hosts/{host}"))).await
    }

    pub async fn submit(&self, host: &str, form: &Value) -> TestAnswer {
        self.as_forum(self.server.post(&format!("/internal/hosts/{host}/setup"), form)).await
    }

    /// The job that was ordered last.
    pub async fn last_job(&self) -> RunJob {
        self.platform.outbox::<RunJob>().await.pop().expect("an ordered job")
    }

    /// A message of the worker.
    pub fn delivery(&self, data: JobFinished) -> Delivery<JobFinished> {
        let (id, time) = (MessageId(self.platform.ambient.uuid()), self.platform.ambient.now());
        Delivery { id, source: "/services/worker".into(), time, tenant: Some(self.ada.tenant), data }
    }

    /// Takes the message that the job has ended, in a transaction as the consumer does.
    pub async fn finished(&self, job: &RunJob, outcome: JobOutcome, reason: Option<&str>) {
        let delivery = self.delivery(job_finished(job, outcome, reason));
        let mut tx = self.tenant().begin().await.expect("a transaction");
        self.app.handle(&mut tx, &delivery).await.expect("the message is taken");
        tx.commit().await.expect("a commit");
    }

    /// Asserts that the instance's database and roles are not there.
    pub async fn assert_gone(&self, names: &Names) {
        let left: i64 = sqlx::query_scalar(
            "SELECT (SELECT count(*) FROM pg_database WHERE datname = $1) + (SELECT count(*)
                                FROM pg_roles WHERE rolname IN ($2, $3))",
        )
        .bind(&names.database)
        .bind(&names.owner)
        .bind(&names.app)
        .fetch_one(&mut superuser().await)
        .await
        .expect("a count");
        assert_eq!(left, 0, "{names:?}");
    }

    /// Runs a statement about one instance in the registry.
    pub async fn tamper(&self, statement: &'static str, id: InstanceId) {
        sqlx::query(statement).bind(id.0).execute(&self.platform.pool).await.expect("a statement");
    }
}

pub fn id(instance: &Value) -> InstanceId {
    instance["id"].as_str().and_then(|id| id.parse().ok()).expect("an id")
}

pub fn job_finished(job: &RunJob, outcome: JobOutcome, reason: Option<&str>) -> JobFinished {
    let RunJob { job_id, kind, instance_id, .. } = job.clone();
    let reason = reason.map(str::to_owned);
    JobFinished { job_id: JobId(job_id.0), kind, instance_id, outcome, reason, run: 1, cancelled: false }
}
