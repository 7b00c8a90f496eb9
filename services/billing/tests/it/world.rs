//! What these tests stand on: a running billing service, a tenant with an account, and messages as its producers send
//! them.

use chrono::{DateTime, Duration, Utc};
use contracts::{
    envelope::{Envelope, source_of},
    id::{InstanceId, TenantId, UserId},
    manifest::Manifest,
    messages::{
        FeatureDisabled, FeatureEnabled, ServicePublished, TenantCreated, TenantKind, UsageBatchRecorded, UsageEvent,
        UsageRecorded,
    },
};
use rust_decimal::Decimal;
use serde_json::Value;
use std::collections::HashMap;
use test_support::{TestPlatform, TestServer, eventually};

const EVERYTHING: &[&str] = &[
    "billing.readAccount",
    "billing.editAccount",
    "billing.readUsage",
    "billing.readParkedUsage",
    "billing.readFeatures",
    "billing.reconcileFeatures",
    "billing.endFeatures",
    "billing.readInvoices",
    "billing.renderDocuments",
    "billing.readCycles",
    "billing.closeCycles",
    "billing.readSubscriptions",
    "billing.readPlans",
    "billing.publishPlans",
    "billing.changeSubscriptions",
    "billing.writePaymentMethod",
    "billing.recordPayments",
    "billing.redeemCoupons",
    "billing.grantDiscounts",
    "billing.writeCoupons",
    "billing.agreeMinimumSpends",
    "billing.grantCredits",
    "billing.cancelPayments",
    "billing.readTaxRates",
    "billing.writeTaxRates",
];

pub struct World {
    pub server: TestServer,
    pub platform: TestPlatform,
    /// With which the service runs.
    pub settings: HashMap<String, String>,
    /// Midnight of some day before yesterday, to count seconds from.
    pub start: DateTime<Utc>,
}

/// A tenant with an account, whose caller may do everything.
pub struct Customer {
    pub tenant: TenantId,
    pub instance: InstanceId,
    pub token: String,
    pub cycle: String,
}

impl World {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With more settings.
    pub async fn start_with(settings: &[(&str, &str)]) -> Self {
        let platform = TestPlatform::of::<billing::Billing>().await;
        let mut env = platform.env();
        env.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Self::of(platform, env).await
    }

    /// With this environment of the service.
    pub async fn of(platform: TestPlatform, env: HashMap<String, String>) -> Self {
        let server = platform.run::<billing::Billing>(env.clone()).await;
        let start = platform.ambient.now() - Duration::days(2);
        Self { server, platform, settings: env, start }
    }

    pub async fn with_customer() -> (Self, Customer) {
        let world = Self::start().await;
        let customer = world.customer().await;
        (world, customer)
    }

    /// With a customer, and the forum's prices.
    pub async fn with_prices() -> (Self, Customer) {
        let (world, customer) = Self::with_customer().await;
        world.publish_forum().await;
        (world, customer)
    }

    /// Waits until the query counts that many.
    pub async fn counted(&self, sql: &'static str, many: i64) {
        eventually(sql, async || (self.count(sql).await == many).then_some(())).await;
    }

    /// The moment that many seconds after the start.
    pub fn at(&self, second: i64) -> DateTime<Utc> {
        self.start + Duration::seconds(second)
    }

    /// A tenant whose account exists since the start.
    pub async fn customer(&self) -> Customer {
        let tenant = self.platform.tenant();
        let created = self.tenant_created(tenant, TenantKind::Customer);
        self.say(&created).await;
        let token = self.platform.user(tenant, EVERYTHING).await.token;
        let cycle = self.open_cycle(tenant, &token).await;
        // It ends only when a test says so, also on the first days of a month.
        let later = "UPDATE cycle SET end_at = end_at + interval '1 year', due_at = due_at + interval '1 year' \
                     WHERE tenant_id = $1";
        sqlx::query(later).bind(tenant.0).execute(&self.platform.pool).await.expect("a longer cycle");
        Customer { tenant, instance: InstanceId(self.platform.ambient.uuid()), token, cycle }
    }

    pub fn tenant_created(&self, tenant_id: TenantId, kind: TenantKind) -> Envelope {
        let owner_user_id = UserId(self.platform.ambient.uuid());
        let data =
            TenantCreated { tenant_id, name: "Acme".into(), kind, owner_user_id, owner_email: "ada@acme.test".into() };
        Envelope { time: self.start, ..self.platform.envelope(Some(tenant_id), &data) }
    }

    /// A customer whose forum has been in use since the start.
    pub async fn customer_with_forum(&self) -> Customer {
        let customer = self.customer().await;
        self.say(&self.enabled(&customer, "forum", 0)).await;
        self.features(&customer, &[("forum", 0, None)]).await;
        customer
    }

    /// The id of the tenant's open cycle, once there is one.
    pub async fn open_cycle(&self, tenant: TenantId, token: &str) -> String {
        let path = format!("/v1/cycles?tenant_id={tenant}&state=open");
        eventually("the tenant has an open cycle", async || {
            let page = self.get(token, &path).await;
            page["items"][0]["id"].as_str().map(str::to_owned)
        })
        .await
    }

    /// Announces the forum's prices: 0.36 an hour, polls 0.18 an hour, 0.005 a post. Valid from the start.
    pub async fn publish_forum(&self) {
        self.say(&self.forum("1.0.0", "0.36", self.start)).await;
        eventually("the rates are known", async || (self.count("SELECT count(*) FROM rate").await >= 3).then_some(()))
            .await;
    }

    pub fn forum(&self, version: &str, price_per_hour: &str, time: DateTime<Utc>) -> Envelope {
        let text = format!(
            "service = \"forum\"\nversion = \"{version}\"\ntitle = \"Forum\"\ncurrency = \"EUR\"\nprice_per_hour = \
             \"{price_per_hour}\"\n
             [[modules]]\nname = \"polls\"\ntitle = \"Polls\"\nprice_per_hour = \"0.18\"\n
             [[meters]]\nname = \"posts\"\nunit = \"post\"\ntable = \"posts\"\nprice_per_unit = \"0.005\"\n
             [setup]\ntype = \"object\"\n"
        );
        let manifest = Manifest::parse(&text).expect("a manifest");
        Envelope { time, ..self.platform.envelope(None, &ServicePublished { manifest }) }
    }

    pub fn enabled(&self, customer: &Customer, feature: &str, second: i64) -> Envelope {
        self.enabled_in(customer, feature, second, Some("1.0.0"))
    }

    /// In an instance that runs this version; `None` is what older configurators say.
    pub fn enabled_in(&self, customer: &Customer, feature: &str, second: i64, version: Option<&str>) -> Envelope {
        let effective_at = self.at(second);
        let (service, host) = ("forum".into(), "acme.forum.localhost".into());
        let version = version.map(str::to_owned);
        let data = FeatureEnabled {
            instance_id: customer.instance,
            service,
            feature: feature.into(),
            host,
            effective_at,
            version,
            generation: None,
        };
        self.platform.envelope(Some(customer.tenant), &data)
    }

    pub fn disabled(&self, customer: &Customer, feature: &str, second: i64) -> Envelope {
        let effective_at = self.at(second);
        let data = FeatureDisabled {
            instance_id: customer.instance,
            service: "forum".into(),
            feature: feature.into(),
            effective_at,
            version: None,
            generation: None,
        };
        self.platform.envelope(Some(customer.tenant), &data)
    }

    /// What is parked, once there is as much.
    pub async fn parked(&self, customer: &Customer, many: usize) -> Vec<Value> {
        eventually(&format!("{many} events are parked"), async || {
            let page = self.get(&customer.token, "/v1/parked-usage").await;
            let items = page["items"].as_array().expect("items").clone();
            (items.len() == many).then_some(items)
        })
        .await
    }

    /// Posts that the customer's forum tells at once, each by its key, quantity and second.
    pub fn batch(&self, customer: &Customer, posts: &[(&str, i64, i64)]) -> Envelope {
        let event = |(key, quantity, second): &(&str, i64, i64)| UsageEvent {
            meter: "forum.posts".into(),
            key: (*key).into(),
            quantity: Decimal::from(*quantity),
            occurred_at: self.at(*second),
        };
        let events = posts.iter().map(event).collect();
        let data = UsageBatchRecorded { instance_id: customer.instance, service: "forum".into(), events };
        Envelope { source: source_of("forum"), ..self.platform.envelope(Some(customer.tenant), &data) }
    }

    pub fn posts(&self, customer: &Customer, key: &str, quantity: i64, second: i64) -> Envelope {
        self.posts_at(customer, key, quantity, self.at(second))
    }

    pub fn posts_at(&self, customer: &Customer, key: &str, quantity: i64, occurred_at: DateTime<Utc>) -> Envelope {
        let (service, meter) = ("forum".to_owned(), "forum.posts".to_owned());
        let quantity = Decimal::from(quantity);
        let data =
            UsageRecorded { instance_id: customer.instance, service, meter, key: key.into(), quantity, occurred_at };
        Envelope { source: source_of("forum"), ..self.platform.envelope(Some(customer.tenant), &data) }
    }

    /// Publishes the envelope on the topic of its type.
    pub async fn say(&self, envelope: &Envelope) {
        let topic =
            contracts::messages::ALL.iter().find(|message| message.kind == envelope.kind).expect("a known type").topic;
        self.platform.publish_envelope(topic, envelope).await;
    }

    pub async fn get(&self, token: &str, path: &str) -> Value {
        self.server.get(path).bearer(token).send().await.expect(200)
    }

    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.platform.pool).await.expect("counting")
    }

    /// The tenant's features as `(name, since, until)`, once there are as many.
    pub async fn features(&self, customer: &Customer, expected: &[(&str, i64, Option<i64>)]) {
        let expected: Vec<_> = expected
            .iter()
            .map(|(name, since, until)| ((*name).to_owned(), self.at(*since), until.map(|second| self.at(second))))
            .collect();
        eventually(&format!("the features are {expected:?}"), async || {
            let usage = self.get(&customer.token, "/v1/usage").await;
            let time = |value: &Value| value.as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok());
            let features = usage["features"].as_array().expect("features").iter();
            let features: Vec<_> = features
                .map(|item| {
                    (
                        item["feature"].as_str().unwrap_or_default().to_owned(),
                        time(&item["since"]).unwrap_or_default(),
                        time(&item["until"]),
                    )
                })
                .collect();
            (features == expected).then_some(())
        })
        .await;
    }

    /// Waits until the unbilled posts of the tenant are that many.
    pub async fn metered(&self, customer: &Customer, quantity: &str) {
        eventually(&format!("{quantity} posts are metered"), async || {
            let usage = self.get(&customer.token, "/v1/usage").await;
            (usage["meters"][0]["quantity"] == quantity).then_some(())
        })
        .await;
    }

    /// Closes the cycle and gives its invoice, once it has a number.
    pub async fn close(&self, customer: &Customer, cycle: &str) -> Value {
        let path = format!("/v1/cycles/{cycle}/close");
        self.server.post(&path, &()).bearer(&customer.token).repeated().await.expect(202);
        self.invoice(customer, cycle).await
    }

    /// The cycle's invoice, once it has a number.
    pub async fn invoice(&self, customer: &Customer, cycle: &str) -> Value {
        eventually("the cycle has a numbered invoice", async || {
            let cycle = self.get(&customer.token, &format!("/v1/cycles/{cycle}")).await;
            let invoice = self.get(&customer.token, &format!("/v1/invoices/{}", cycle["invoice_id"].as_str()?)).await;
            invoice["number"].is_string().then_some(invoice)
        })
        .await
    }

    /// Waits until the queue holds nothing, neither waiting nor being handled.
    pub async fn drained(&self, queue: &str) {
        let aws = &self.platform.aws;
        let url = aws.queue_url(&aws.queue_name(queue)).await.expect("a queue");
        eventually(&format!("the queue {queue} is empty"), async || {
            let answer = aws
                .sqs
                .get_queue_attributes()
                .queue_url(&url)
                .attribute_names("All".into())
                .send()
                .await
                .expect("the queue's attributes");
            let counts = answer.attributes.unwrap_or_default();
            assert!(!counts.is_empty(), "the queue tells its counts");
            let held = counts
                .iter()
                .filter(|(name, _)| name.as_str().starts_with("ApproximateNumberOfMessages"))
                .filter(|(_, count)| *count != "0");
            (held.count() == 0).then_some(())
        })
        .await;
    }
}
