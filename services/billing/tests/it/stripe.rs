//! A Stripe of the tests' own: an HTTP server that answers in Stripe's published shapes, keeps keys of idempotency as
//! Stripe does, and has faults on demand.

mod customers;
mod intents;

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use axum::{
    Form, Json, Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use common::ambient::Ambient;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{net::TcpListener, sync::Semaphore};

pub const SECRET_KEY: &str = "sk_test_51Tests";
pub const WEBHOOK_SECRETS: [&str; 2] = ["whsec_new", "whsec_old"];

/// What goes wrong with the next order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// Refused with this status before anything has happened.
    Refuses(u16),
    /// Charged, and the answer to that key is this status for ever.
    ChargesAndAnswers(u16),
    /// Charged, and the connection breaks off before the answer is complete.
    ChargesAndBreaksOff,
    /// The connection breaks off before anything has happened.
    BreaksOff,
    /// Declined, and the answer is held back until [`FakeStripe::lets_go`]; then it is a 500.
    DeclinesLate,
    /// Refused with this body.
    RefusesWith(&'static str),
}

/// An order as it came.
#[derive(Clone, Debug)]
pub struct Order {
    pub key: String,
    pub version: String,
    pub form: BTreeMap<String, String>,
}

#[derive(Default)]
struct Books {
    orders: Vec<Order>,
    /// In the order in which they were made.
    intents: Vec<Value>,
    /// The answer to each key.
    answers: HashMap<String, (BTreeMap<String, String>, u16, Value)>,
    faults: VecDeque<Fault>,
    /// Whether the key of the API is taken.
    locked_out: bool,
    /// The customer of each payment method that is attached.
    attached: HashMap<String, String>,
    /// Customers by the key of idempotency that they were made with.
    customers: HashMap<String, Value>,
    /// What was asked of customers and payment methods, as method and path.
    asked: Vec<String>,
}

/// A running one; cheap to clone.
#[derive(Clone)]
pub struct FakeStripe {
    pub url: String,
    books: Arc<Mutex<Books>>,
    held: Arc<Semaphore>,
    ambient: Ambient,
}

impl FakeStripe {
    /// Runs until the test's runtime ends.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let stripe = Self { url, books: Arc::default(), held: Arc::new(Semaphore::new(0)), ambient: Ambient::system() };
        let router = Router::new()
            .route("/v1/payment_intents", post(create))
            .merge(intents::routes())
            .merge(customers::routes())
            .with_state(stripe.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        stripe
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These go wrong, one an order.
    pub fn fails(&self, faults: &[Fault]) {
        self.books().faults.extend(faults);
    }

    pub fn locks_out(&self, locked_out: bool) {
        self.books().locked_out = locked_out;
    }

    /// Answers that were held back are given.
    pub fn lets_go(&self) {
        self.held.add_permits(1);
    }

    pub fn orders(&self) -> Vec<Order> {
        self.books().orders.clone()
    }

    pub fn intents(&self) -> Vec<Value> {
        self.books().intents.clone()
    }

    /// Intents that took money.
    pub fn charged(&self) -> usize {
        self.books().intents.iter().filter(|intent| intent["status"] == "succeeded").count()
    }

    /// The bank has made up its mind about the latest intent; gives that.
    pub fn becomes(&self, status: &str) -> Value {
        let mut books = self.books();
        let intent = books.intents.last_mut().expect("an intent");
        intent["status"] = status.into();
        intent["amount_received"] = if status == "succeeded" { intent["amount"].clone() } else { 0.into() };
        intent.clone()
    }

    /// What the next order will be when it arrives, made before by the same order: for an answer that was lost long ago.
    pub fn made_before(&self, customer: &str, amount: i64, invoice: &str, attempt: i32) {
        let metadata = [("invoice_id", invoice.to_owned()), ("attempt", attempt.to_string())];
        let mut form: BTreeMap<_, _> =
            metadata.into_iter().map(|(name, value)| (format!("metadata[{name}]"), value)).collect();
        for (name, value) in [("amount", amount.to_string()), ("currency", "eur".into()), ("customer", customer.into())]
        {
            form.insert(name.to_owned(), value);
        }
        let intent = self.make(&form, "succeeded", Value::Null);
        self.books().intents.push(intent);
    }

    /// Of the latest intent this much was received.
    pub fn receives(&self, amount: i64) -> Value {
        self.becomes("succeeded");
        let mut books = self.books();
        let intent = books.intents.last_mut().expect("an intent");
        intent["amount_received"] = amount.into();
        intent.clone()
    }

    /// An event with the intent in it, as Stripe sends it.
    pub fn event(&self, kind: &str, intent: &Value) -> Value {
        let id = format!("evt_{}", self.ambient.uuid().simple());
        json!({"id": id, "object": "event", "api_version": "2025-06-30.basil", "type": kind, "livemode": false,
            "created": self.ambient.now().timestamp(), "data": {"object": intent}, "pending_webhooks": 1})
    }

    /// Somebody pays all of the latest intent back.
    pub fn refunds(&self) {
        let mut books = self.books();
        let intent = books.intents.last_mut().expect("an intent");
        intent["latest_charge"] = json!({"id": "ch_1", "object": "charge", "refunded": true});
    }

    fn make(&self, form: &BTreeMap<String, String>, status: &str, error: Value) -> Value {
        let of = |name: &str| form.get(name).cloned().unwrap_or_default();
        let amount: i64 = of("amount").parse().expect("an amount");
        let received = if status == "succeeded" { amount } else { 0 };
        let metadata: HashMap<_, _> = form
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix("metadata[")?.strip_suffix(']')?, value)))
            .collect();
        json!({"id": format!("pi_{}", self.ambient.uuid().simple()), "object": "payment_intent", "amount": amount,
            "amount_received": received, "currency": of("currency"), "customer": of("customer"),
            "payment_method": of("payment_method"), "created": self.ambient.now().timestamp(), "status": status,
            "metadata": metadata, "last_payment_error": error, "cancellation_reason": null})
    }

    /// What a charge comes to: its payment method's name says it.
    fn charge(&self, form: &BTreeMap<String, String>) -> (u16, Value) {
        let declined = |code: &str| json!({"type": "card_error", "code": "card_declined", "decline_code": code, "message": "Your card was declined."});
        let method = form["payment_method"].as_str();
        if let Some(refused) = customers::refused(self, form) {
            return refused;
        }
        let (status, error) = match method {
            _ if method.starts_with("pm_declined") => ("requires_payment_method", declined("insufficient_funds")),
            _ if method.starts_with("pm_asks") => ("requires_payment_method", declined("authentication_required")),
            _ if method.starts_with("pm_slow") => ("processing", Value::Null),
            _ => ("succeeded", Value::Null),
        };
        let intent = self.make(form, status, error.clone());
        self.books().intents.push(intent.clone());
        if error.is_null() {
            return (200, intent);
        }
        let mut refusal = error;
        refusal["payment_intent"] = intent;
        (402, json!({ "error": refusal }))
    }
}

fn answer(status: u16, body: &Value) -> Response {
    (StatusCode::from_u16(status).expect("a status"), Json(body)).into_response()
}

fn error(status: u16, kind: &str, code: &str) -> Response {
    answer(status, &json!({"error": {"type": kind, "code": code, "message": "No."}}))
}

/// An answer that ends before it is complete.
fn broken_off() -> Response {
    let parts = futures_util::stream::iter([Ok(Bytes::from_static(b"{")), Err(io::Error::other("broken off"))]);
    ([(header::CONTENT_TYPE, "application/json")], Body::from_stream(parts)).into_response()
}

fn refused(stripe: &FakeStripe, headers: &HeaderMap) -> Option<Response> {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let known = shown == Some(&format!("Bearer {SECRET_KEY}")) && !stripe.books().locked_out;
    (!known).then(|| error(401, "invalid_request_error", "api_key_expired"))
}

async fn create(
    State(stripe): State<FakeStripe>,
    headers: HeaderMap,
    Form(form): Form<BTreeMap<String, String>>,
) -> Response {
    let of = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let key = of("idempotency-key");
    stripe.books().orders.push(Order { key: key.clone(), version: of("stripe-version"), form: form.clone() });
    if let Some(refused) = refused(&stripe, &headers) {
        return refused;
    }
    if let Some((known, status, body)) = stripe.books().answers.get(&key) {
        return if *known == form {
            answer(*status, body)
        } else {
            error(400, "idempotency_error", "idempotency_key_in_use")
        };
    }
    let fault = stripe.books().faults.pop_front();
    match fault {
        Some(Fault::Refuses(status)) => return error(status, "api_error", "refused"),
        Some(Fault::BreaksOff) => return broken_off(),
        Some(Fault::RefusesWith(body)) => return answer(400, &serde_json::from_str(body).expect("a body")),
        _ => {}
    }
    let (status, body) = stripe.charge(&form);
    if fault == Some(Fault::DeclinesLate) {
        stripe.becomes("requires_payment_method");
        stripe.held.acquire().await.expect("never closed").forget();
        return error(500, "api_error", "late");
    }
    let (status, body) = match fault {
        Some(Fault::ChargesAndAnswers(status)) => (status, json!({"error": {"type": "api_error", "message": "No."}})),
        _ => (status, body),
    };
    stripe.books().answers.insert(key, (form, status, body.clone()));
    if fault == Some(Fault::ChargesAndBreaksOff) { broken_off() } else { answer(status, &body) }
}

/// The header with which Stripe sends a body at that second.
pub fn signature(secret: &str, seconds: i64, body: &str) -> String {
    let tag = sign(&Key::new(HMAC_SHA256, secret.as_bytes()), format!("{seconds}.{body}").as_bytes());
    format!("t={seconds},v1={}", hex::encode(tag))
}
