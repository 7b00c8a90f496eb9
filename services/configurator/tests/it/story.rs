//! The whole service as it runs: over SNS and SQS, with its relay, its consumer and its provisioner.

use crate::{
    admin::Admin,
    support::{HOST, OWNER, config, id, job_finished, manifest},
};
use common::db::CrossTenantTx;
use contracts::{
    jobs::{Job, MigrateInstance, SeedInstance},
    messages::{
        AccountResumed, AccountSuspended, FeatureDisabled, FeatureEnabled, JobOutcome, Message, RunJob,
        ServicePublished,
    },
};
use futures_util::{FutureExt, StreamExt};
use messaging::{Consumer, Delivery, Fault, Handle};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use test_support::{TestPlatform, TestServer, TestUser, eventually, openapi_contract};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Keeps what other services would hear.
#[derive(Clone)]
struct Heard<M>(Arc<Mutex<Vec<M>>>);

impl<M: Message + Clone> Handle<M> for Heard<M> {
    type Tx = CrossTenantTx;

    async fn handle(&self, _: &mut CrossTenantTx, message: &Delivery<M>) -> Result<(), Fault> {
        self.0.lock().unwrap().push(message.data.clone());
        Ok(())
    }
}

impl<M: Clone> Heard<M> {
    fn new() -> Self {
        Self(Arc::default())
    }

    async fn eventually(&self, what: &str, count: usize) -> Vec<M> {
        eventually(what, async || Some(self.0.lock().unwrap().clone()).filter(|heard| heard.len() >= count)).await
    }
}

struct Others {
    published: Heard<ServicePublished>,
    enabled: Heard<FeatureEnabled>,
    disabled: Heard<FeatureDisabled>,
    jobs: Heard<RunJob>,
    _stop: DropGuard,
}

/// Listens as billing and the worker do.
async fn others(platform: &TestPlatform) -> Others {
    messaging::provision::provision_for(&platform.aws, &["billing", "worker"]).await.unwrap();
    let shutdown = CancellationToken::new();
    let (published, enabled, disabled, jobs) = (Heard::new(), Heard::new(), Heard::new(), Heard::new());
    let consumer = |queue| Consumer::new(&platform.aws, queue, platform.db());
    let billing =
        consumer("billing").on::<ServicePublished, _>(published.clone()).on::<FeatureEnabled, _>(enabled.clone());
    tokio::spawn(billing.on::<FeatureDisabled, _>(disabled.clone()).run(shutdown.clone()));
    tokio::spawn(consumer("worker").on::<RunJob, _>(jobs.clone()).run(shutdown.clone()));
    Others { published, enabled, disabled, jobs, _stop: shutdown.drop_guard() }
}

/// Whether `host` was announced; everything announced before it is passed over.
async fn announced(announcements: &mut (impl StreamExt<Item = redis::Msg> + Unpin), host: &str) {
    let told = async {
        while announcements.next().await.expect("a subscription").get_payload::<String>().expect("a text") != host {}
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), told)
        .await
        .unwrap_or_else(|_| panic!("{host} was not announced"));
}

async fn in_state(server: &TestServer, ada: &TestUser, path: &str, state: &str) -> Value {
    let ask = async || server.get(path).bearer(&ada.token).send().await.expect(200);
    eventually(&format!("the instance is {state}"), async || {
        Some(ask().await).filter(|instance| instance["state"] == state)
    })
    .await
}

#[tokio::test]
async fn from_a_published_manifest_to_an_active_instance_and_back() {
    let platform = TestPlatform::of::<configurator::Configurator>().await;
    let admin = Admin::create(&platform).await;
    let others = others(&platform).await;
    let config = config(&platform, &admin.url);
    let server = platform.run_with::<configurator::Configurator>(config).await;
    let ada = platform.user(platform.tenant(), OWNER).await;
    let redis = redis::Client::open(test_support::redis_url()).unwrap();
    let mut announcements = redis.get_async_pubsub().await.unwrap();
    announcements.subscribe(format!("{}hosts", platform.redis_prefix())).await.unwrap();
    let mut announcements = announcements.into_on_message();
    let forum = platform.client_token("forum");

    let published = json!({"manifest": manifest("1.0.0")});
    server.put("/internal/services/forum", &published).bearer(&forum).send().await.expect(201);
    assert_eq!(others.published.eventually("the manifest is announced", 1).await[0].manifest.service, "forum");

    let body = json!({"service": "forum", "host": HOST, "modules": ["polls"]});
    let instance = server.post("/v1/instances", &body).bearer(&ada.token).send().await.expect(202);
    let path = format!("/v1/instances/{}", id(&instance));
    announced(&mut announcements, HOST).await;
    let waiting = in_state(&server, &ada, &path, "awaiting_setup").await;
    announced(&mut announcements, HOST).await;

    let form = json!({"setup_code": waiting["setup_code"], "settings": {"title": "Acme"}});
    server.post(&format!("/internal/hosts/{HOST}/setup"), &form).bearer(&forum).send().await.expect(202);
    let migrate = others.jobs.eventually("the migration is ordered", 1).await.remove(0);
    assert_eq!(migrate.kind, MigrateInstance::KIND);
    let told = platform.publish(Some(ada.tenant), &job_finished(&migrate, JobOutcome::Succeeded, None)).await;
    for _ in 0..2 {
        platform.publish_envelope(contracts::topology::Topic::WorkerEvents, &told).await;
    }
    platform.publish(Some(ada.tenant), &job_finished(&migrate, JobOutcome::Succeeded, None)).await;
    let seed = others.jobs.eventually("the seed is ordered", 2).await.remove(1);
    assert_eq!(seed.kind, SeedInstance::KIND);
    platform.publish(Some(ada.tenant), &job_finished(&seed, JobOutcome::Succeeded, None)).await;
    let active = in_state(&server, &ada, &path, "active").await;

    let mut enabled = others.enabled.eventually("billing hears of both features", 2).await;
    enabled.sort_by(|a, b| a.feature.cmp(&b.feature));
    let told: Vec<_> = enabled.iter().map(|event| (event.feature.as_str(), json!(event.effective_at))).collect();
    assert_eq!(
        told,
        [("forum", active["state_since"].clone()), ("forum.polls", active["modules"][0]["enabled_at"].clone())]
    );

    // What was announced until now is passed over.
    while let Some(Some(_)) = announcements.next().now_or_never() {}
    let (tenant_id, now) = (ada.tenant, platform.ambient.now());
    let invoice_id = platform.ambient.uuid();
    let suspended = AccountSuspended { tenant_id, invoice_id, suspended_at: now, generation: 1 };
    platform.publish(Some(tenant_id), &suspended).await;
    in_state(&server, &ada, &path, "suspended").await;
    announced(&mut announcements, HOST).await;
    platform.publish(Some(tenant_id), &AccountResumed { tenant_id, resumed_at: now, generation: 2 }).await;
    assert_eq!(in_state(&server, &ada, &path, "active").await, active);
    announced(&mut announcements, HOST).await;

    let removed = server.delete(&format!("{path}/modules/polls")).bearer(&ada.token).send().await.expect(200);
    announced(&mut announcements, HOST).await;
    let disabled = others.disabled.eventually("billing hears of the removal", 1).await;
    assert_eq!(
        (disabled[0].feature.as_str(), json!(disabled[0].effective_at)),
        ("forum.polls", removed["removed_modules"][0]["removed_at"].clone())
    );
    assert_eq!((others.jobs.0.lock().unwrap().len(), others.published.0.lock().unwrap().len()), (2, 1));
    server.ops("/readyz").send().await.expect(200);
    server.stop().await.expect("an orderly end");
}

#[tokio::test]
async fn bad_requests_are_answered_as_documented() {
    let platform = TestPlatform::of::<configurator::Configurator>().await;
    let admin = Admin::create(&platform).await;
    let config = config(&platform, &admin.url);
    let server = platform.run_with::<configurator::Configurator>(config).await;
    openapi_contract(&platform, &server, &service_kit::openapi::<configurator::Configurator>()).await;
}
