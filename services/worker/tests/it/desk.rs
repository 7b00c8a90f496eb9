//! What operators of queues have before them: a worker, queues that nobody takes from, and who may do what.

use crate::world::World;
use common::db::CrossTenantTx;
use contracts::{
    envelope::Envelope,
    id::UserId,
    mails::Notice,
    messages::{SendMail, TenantCreated, TenantKind},
};
use messaging::{Consumer, Delivery, Fault, Handle, consumer::Options};
use serde_json::Value;
use std::time::Duration;
use test_support::{TestServer, TestUser, eventually};
use tokio_util::sync::CancellationToken;

/// A worker with the queues `billing` and `mailer`, which nobody takes from.
pub struct Desk {
    pub world: World,
    pub worker: TestServer,
    pub reader: TestUser,
    pub writer: TestUser,
    pub confidant: TestUser,
}

impl Desk {
    pub async fn open() -> Self {
        let world = World::start().await;
        let every: Vec<_> = contracts::topology::QUEUES.iter().map(|queue| queue.name).collect();
        messaging::provision::provision_for(&world.platform.aws, &every).await.unwrap();
        let worker = world.worker().await;
        let user = async |permissions: &[&str]| world.platform.user(world.platform.tenant(), permissions).await;
        let reader = user(&["worker.readQueues"]).await;
        let writer = user(&["worker.readQueues", "worker.writeQueues"]).await;
        let confidant = user(&["worker.readQueues", "worker.writeQueues", "worker.readPayloads"]).await;
        Self { world, worker, reader, writer, confidant }
    }

    pub async fn get(&self, path: &str) -> Value {
        self.worker.get(path).bearer(&self.reader.token).await.expect(200)
    }

    pub async fn told(&self, path: &str) -> Value {
        self.worker.get(path).bearer(&self.confidant.token).await.expect(200)
    }

    /// Lets the queue's consumer give up on these bodies.
    pub async fn bury(&self, queue: &'static str, bodies: &[String]) {
        let aws = &self.world.platform.aws;
        let url = aws.queue_url(&aws.queue_name(queue)).await.unwrap();
        for body in bodies {
            aws.sqs.send_message().queue_url(&url).message_body(body).send().await.unwrap();
        }
        let consumer = Consumer::new(aws, queue, self.world.platform.db());
        let brisk = Options { long_poll: Duration::from_secs(1), ..Options::default() };
        let consumer = consumer.on::<TenantCreated, _>(Refusing).on::<SendMail, _>(Refusing).options(brisk);
        let stop = CancellationToken::new();
        let running = tokio::spawn(consumer.run(stop.clone()));
        eventually("they are dead", async || {
            let state = aws.console().state(queue).await.unwrap();
            (state.dead == bodies.len() as u64).then_some(())
        })
        .await;
        stop.cancel();
        running.await.unwrap();
    }

    pub fn created(&self, name: &str) -> Envelope {
        let created = TenantCreated {
            tenant_id: self.world.tenant,
            name: name.into(),
            kind: TenantKind::Customer,
            owner_user_id: UserId(self.world.id()),
            owner_email: "ada@acme.example".into(),
        };
        self.world.platform.envelope(Some(self.world.tenant), &created)
    }

    pub fn mail(&self) -> Envelope {
        let notice = Notice { title: "Hello".into(), text: "https://example.com/secret".into() };
        let mail =
            SendMail { key: "k".into(), recipient: "ada@acme.example".into(), mail: notice.into(), expires_at: None };
        self.world.platform.envelope(None, &mail)
    }

    /// The only dead letter of the queue.
    pub async fn letter(&self, queue: &str) -> Value {
        let letters = self.get(&format!("/v1/queues/{queue}/dead-letters")).await;
        assert_eq!(letters["items"].as_array().unwrap().len(), 1, "{letters}");
        letters["items"][0].clone()
    }
}

/// Refuses each tenant with its name as the reason.
struct Refusing;

impl Handle<TenantCreated> for Refusing {
    type Tx = CrossTenantTx;
    async fn handle(&self, _: &mut CrossTenantTx, message: &Delivery<TenantCreated>) -> Result<(), Fault> {
        Err(Fault::permanent(message.data.name.clone()))
    }
}

impl Handle<SendMail> for Refusing {
    type Tx = CrossTenantTx;
    async fn handle(&self, _: &mut CrossTenantTx, _: &Delivery<SendMail>) -> Result<(), Fault> {
        Err(Fault::permanent("no mail today"))
    }
}

pub fn body(envelope: &Envelope) -> String {
    serde_json::to_string(envelope).unwrap()
}
