//! What a test needs: an archive that is served, and the worker's part, played.

use crate::command::extract;
use contracts::{
    envelope::Envelope,
    id::TenantId,
    instance_database,
    jobs::{Job, RunCommand},
    messages::{Message, RunJob},
};
use futures_util::future::{join_all, try_join_all};
use pdf::Pdf;
use product_kit::product;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use test_support::{TestAnswer, TestProduct, TestRequest, eventually};

pub const MANIFEST: &str = include_str!("../../bundles/pdf/1.0.0/manifest.toml");
const TABLES: &str = include_str!("../../bundles/pdf/1.0.0/migrations/0001_pdf.sql");
/// Under this name a test reaches the archive without saying so.
pub const ACME: &str = "127.0.0.1";
pub const GLOBEX: &str = "globex.pdf.localhost";
/// Of the queue, at once.
const RECEIVERS: usize = 8;
const READ: &str = "pdf.readFiles";
const WRITE: &str = "pdf.writeFiles";

/// Two archives of two tenants, each with a user who may do everything there.
pub struct Archives {
    pub product: TestProduct,
    pub acme: TenantId,
    pub ada: String,
    pub grace: String,
    worker_queue: String,
}

/// An order as the worker gets it.
pub struct Ordered {
    pub envelope: Envelope,
    pub job: RunJob,
    pub command: RunCommand,
}

impl Ordered {
    fn read(body: &str) -> Self {
        let envelope: Envelope = serde_json::from_str(body).expect("an envelope");
        assert_eq!(envelope.kind, RunJob::TYPE);
        let job: RunJob = serde_json::from_value(envelope.data.clone()).expect("an order");
        assert_eq!(job.kind, RunCommand::KIND);
        let command = serde_json::from_value(job.payload.clone()).expect("a command");
        Self { envelope, job, command }
    }
}

impl Archives {
    pub async fn start() -> Self {
        let served = TestProduct::with_objects(MANIFEST, product::document::<Pdf>(), product::start::<Pdf>);
        let mut product = served.await;
        messaging::provision::provision_for(&product.platform.aws, &["worker", "billing-usage"]).await.unwrap();
        let acme = product.instance(ACME, &[], &[TABLES]).await;
        let globex = product.instance(GLOBEX, &[], &[TABLES]).await;
        let ada = product.platform.user(acme, &[READ, WRITE]).await.token;
        let grace = product.platform.user(globex, &[READ, WRITE]).await.token;
        let aws = &product.platform.aws;
        let worker_queue = aws.queue_url(&aws.queue_name("worker")).await.expect("the queue of the worker");
        Self { product, acme, ada, grace, worker_queue }
    }

    /// As Ada.
    pub async fn get(&self, path: &str) -> TestAnswer {
        self.product.server.get(path).bearer(&self.ada).send().await
    }

    pub fn post(&self, path: &str, body: &Value) -> TestRequest {
        self.product.server.post(path, body).bearer(&self.ada)
    }

    /// Announces a file of Ada's and uploads it; gives its id.
    pub async fn upload(&self, name: &str, bytes: Vec<u8>) -> String {
        let file = self.post("/v1/files", &json!({"name": name, "bytes": bytes.len()})).send().await.expect(201);
        let put = reqwest::Client::new().put(file["upload"]["url"].as_str().unwrap()).body(bytes).send().await;
        assert_eq!(put.unwrap().status(), 200);
        file["id"].as_str().unwrap().to_owned()
    }

    /// Orders this file of Ada's; gives its extraction.
    pub async fn order(&self, file: &str) -> Value {
        let ordered = self.post("/v1/extractions", &json!({"file_ids": [file]})).send().await.expect(202);
        ordered["items"][0].clone()
    }

    /// The next `count` orders that reach the worker's queue.
    pub async fn orders(&self, count: usize) -> Vec<Ordered> {
        let mut orders = Vec::new();
        eventually("orders arrive", async || {
            let receivers = (0..RECEIVERS).map(|_| self.received());
            orders.extend(join_all(receivers).await.into_iter().flatten());
            (orders.len() >= count).then_some(())
        })
        .await;
        orders
    }

    /// Up to ten orders.
    async fn received(&self) -> Vec<Ordered> {
        let (sqs, url) = (&self.product.platform.aws.sqs, &self.worker_queue);
        let receive = sqs.receive_message().queue_url(url).max_number_of_messages(10).send();
        let received = receive.await.expect("receiving").messages.unwrap_or_default();
        let receipts = received.iter().filter_map(|message| message.receipt_handle());
        let deletes = receipts.map(|receipt| sqs.delete_message().queue_url(url).receipt_handle(receipt).send());
        try_join_all(deletes).await.expect("deleting");
        received.iter().map(|message| Ordered::read(message.body().expect("a body"))).collect()
    }

    /// Runs the command on `bytes` for the job and hands over what comes of it, as the product's role in Ada's archive.
    pub async fn work(&self, order: &Ordered, bytes: &[u8]) {
        let call = match extract(bytes) {
            Ok(output) => sqlx::query(AssertSqlSafe(instance_database::call("public.take_result")))
                .bind(order.job.job_id.0)
                .bind(output),
            Err((_, reason)) => sqlx::query("SELECT take_failure($1, $2)").bind(order.job.job_id.0).bind(reason),
        };
        call.execute(&mut self.role().await).await.unwrap();
    }

    /// What the file of an order is called.
    pub async fn name_of(&self, order: &Ordered) -> String {
        let key = order.command.objects[0].key.to_string();
        let file = self.get(&format!("/v1/{key}")).await.expect(200);
        file["name"].as_str().unwrap().to_owned()
    }

    /// A connection to the database of Ada's archive, as the product's role.
    pub async fn role(&self) -> PgConnection {
        let url = self.product.configurator.get(ACME)["database_url"].as_str().unwrap().to_owned();
        PgConnection::connect(&url).await.unwrap()
    }
}
