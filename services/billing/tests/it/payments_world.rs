//! What tests of payments stand on: a billing service with a Stripe of the test's own, and invoices to be paid.

use crate::{
    stripe::{FakeStripe, SECRET_KEY, WEBHOOK_SECRETS, signature},
    world::{Customer, World},
};
use contracts::{envelope::Envelope, messages::Message};
use serde_json::{Value, json};
use test_support::{TestAnswer, eventually};

/// Of every invoice in these tests: three posts at 0.005, and two hours of the forum at 0.36. Stripe charges no less
/// than 50.
pub const TOTAL: i64 = 74;

pub struct Paying {
    pub world: World,
    pub stripe: FakeStripe,
}

impl Paying {
    pub async fn start() -> Self {
        let stripe = FakeStripe::start().await;
        let secrets = WEBHOOK_SECRETS.join(",");
        let settings = [
            ("STRIPE_URL", stripe.url.as_str()),
            ("STRIPE_SECRET_KEY", SECRET_KEY),
            ("STRIPE_WEBHOOK_SECRETS", &secrets),
        ];
        let world = World::start_with(&settings).await;
        world.publish_forum().await;
        Self { world, stripe }
    }

    /// A customer who pays by this method, and the id of an invoice that is numbered from now on.
    pub async fn invoiced(&self, method: &str) -> (Customer, String) {
        let ada = self.world.customer().await;
        self.set_method(&ada, method).await.expect(200);
        let invoice = invoiced(&self.world, &ada).await;
        (ada, invoice)
    }

    /// Has a browser give such a method, and sets it.
    pub async fn set_method(&self, ada: &Customer, method: &str) -> TestAnswer {
        let given = self.gives(ada, method).await;
        set_method(&self.world, ada, &given, "*").await
    }

    /// Has a browser give such a method to the tenant's customer; gives its id.
    pub async fn gives(&self, ada: &Customer, method: &str) -> String {
        let setup = self.world.server.post("/v1/payment-method-setups", &()).bearer(&ada.token).send().await;
        self.stripe.confirms(setup.expect(200)["client_secret"].as_str().expect("a secret"), method)
    }
}

impl Paying {
    /// Has Stripe tell of the intent; gives whether it counted.
    pub async fn tells(&self, kind: &str, intent: &Value) -> bool {
        let (body, now) = (self.stripe.event(kind, intent).to_string(), self.world.platform.ambient.now().timestamp());
        let header = signature(WEBHOOK_SECRETS[0], now, &body);
        let request = self.world.server.request(reqwest::Method::POST, "/v1/payment-webhooks/stripe");
        let request = request.body("application/json", body).header("stripe-signature", &header);
        request.send().await.expect(200)["taken"].as_bool().expect("taken")
    }
}

/// Sets the method of that id.
pub async fn set_method(world: &World, ada: &Customer, id: &str, read: &str) -> TestAnswer {
    let body = json!({"payment_method_id": id});
    world.server.put("/v1/payment-method", &body).bearer(&ada.token).header("if-match", read).send().await
}

pub fn customer_id(ada: &Customer) -> String {
    format!("cus_{}", ada.tenant.0.simple())
}

/// Uses the forum for [`TOTAL`] and closes the cycle.
pub async fn invoiced(world: &World, ada: &Customer) -> String {
    invoiced_for(world, ada, 7200, TOTAL).await
}

/// Uses the forum for so many seconds, which come to that, and closes the cycle.
pub async fn invoiced_for(world: &World, ada: &Customer, seconds: i64, total: i64) -> String {
    world.say(&world.enabled(ada, "forum", 0)).await;
    world.say(&world.disabled(ada, "forum", seconds)).await;
    world.say(&world.posts(ada, "posts:1", 3, 10)).await;
    world.features(ada, &[("forum", 0, Some(seconds))]).await;
    world.metered(ada, "3").await;
    let invoice = world.close(ada, &ada.cycle).await;
    assert_eq!(invoice["total_minor"], total);
    invoice["id"].as_str().expect("an id").to_owned()
}

pub async fn payment(world: &World, ada: &Customer, invoice: &str) -> Value {
    world.get(&ada.token, &format!("/v1/invoices/{invoice}/payment")).await
}

/// What has become of the invoice, once it is so.
pub async fn payment_when(
    world: &World,
    ada: &Customer,
    invoice: &str,
    what: &str,
    is_so: impl Fn(&Value) -> bool,
) -> Value {
    eventually(what, async || Some(payment(world, ada, invoice).await).filter(&is_so)).await
}

pub async fn paid(world: &World, ada: &Customer, invoice: &str) -> Value {
    payment_when(world, ada, invoice, "the invoice is paid", |payment| payment["state"] == "paid").await
}

/// Number and outcome of each attempt, the latest first.
pub fn attempts(payment: &Value) -> Vec<(i64, &str)> {
    let attempts = payment["attempts"].as_array().expect("attempts").iter();
    attempts.map(|one| (one["number"].as_i64().unwrap(), one["outcome"].as_str().unwrap_or("under way"))).collect()
}

/// Moves all that is planned for the invoice by so many days into the past, makes it due, and wakes a collector.
pub async fn days_pass(world: &World, invoice: &str, days: i32) {
    let moved = "UPDATE invoice_payment SET due_at = due_at - $2 * interval '1 day',
        dunned_from = dunned_from - $2 * interval '1 day', remind_at = remind_at - $2 * interval '1 day',
        next_at = least(next_at - $2 * interval '1 day', $3) WHERE invoice_id = $1::uuid AND next_at IS NOT NULL";
    let moved = sqlx::query(moved).bind(invoice).bind(days).bind(world.platform.ambient.now());
    let rows = moved.execute(&world.platform.pool).await.expect("moving").rows_affected();
    assert_eq!(rows, 1, "something is due for the invoice");
    wake(world).await;
}

/// Has the invoice taken up now.
pub async fn hasten(world: &World, invoice: &str) {
    days_pass(world, invoice, 0).await;
}

/// A number that is given wakes a collector.
pub async fn wake(world: &World) {
    let other = world.customer().await;
    world.close(&other, &other.cycle).await;
}

/// Waits until the invoice was taken up and put off again.
pub async fn put_off(world: &World, invoice: &str, repeats: i32) {
    eventually(&format!("{repeats} repeats"), async || {
        let sql = "SELECT repeats FROM invoice_payment WHERE invoice_id = $1::uuid";
        let found = sqlx::query_scalar(sql).bind(invoice).fetch_optional(&world.platform.pool).await.expect("asking");
        (found == Some(repeats)).then_some(())
    })
    .await;
}

/// All that billing says from now on.
pub struct Heard {
    url: String,
    envelopes: Vec<Envelope>,
}

impl Heard {
    /// Call it before something is said.
    pub async fn listen(world: &World) -> Self {
        let aws = &world.platform.aws;
        messaging::provision::provision_for(aws, &["worker-history"]).await.expect("making the history's queue");
        let url = aws.queue_url(&aws.queue_name("worker-history")).await.expect("the history's queue");
        Self { url, envelopes: Vec::new() }
    }

    /// The messages of this type that `is_it` takes, once there are as many.
    pub async fn of<M: Message>(&mut self, world: &World, many: usize, is_it: impl Fn(&M) -> bool) -> Vec<M> {
        eventually(&format!("{many} of {} are said", M::TYPE), async || {
            let receive = world.platform.aws.sqs.receive_message().queue_url(&self.url).max_number_of_messages(10);
            let received = receive.send().await.expect("receiving").messages.unwrap_or_default();
            for message in received {
                let handle = message.receipt_handle.unwrap_or_default();
                let delete = world.platform.aws.sqs.delete_message().queue_url(&self.url).receipt_handle(handle);
                delete.send().await.expect("deleting");
                let body = message.body.unwrap_or_default();
                self.envelopes.push(serde_json::from_str(&body).expect("an envelope"));
            }
            let of_type = self.envelopes.iter().filter(|envelope| envelope.kind == M::TYPE);
            let found: Vec<M> = of_type
                .map(|envelope| serde_json::from_value(envelope.data.clone()).expect("its data"))
                .filter(&is_it)
                .collect();
            (found.len() >= many).then_some(found)
        })
        .await
    }
}
