//! The tests' Stripe: its account, customers, and what is attached to them.

use super::{FakeStripe, answer, error, refused as refuses_key};
use axum::{
    Form, Router,
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
    routing::{get, post},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const ACCOUNT: &str = "acct_1032D82eZvKYlo2C";

pub fn routes() -> Router<FakeStripe> {
    Router::new()
        .route("/v1/account", get(account))
        .route("/v1/customers", post(make_customer))
        .route("/v1/setup_intents", post(set_up))
        .route("/v1/payment_methods/{id}", get(method))
        .route("/v1/payment_methods/{id}/detach", post(detach))
}

impl FakeStripe {
    /// What a browser does with the secret of a set-up: gives a payment method, whose name says what comes of charges.
    /// Gives its id.
    pub fn confirms(&self, client_secret: &str, method: &str) -> String {
        let id = format!("{method}{}", self.ambient.uuid().simple());
        let customer = client_secret.split_once("_secret_").expect("a secret").1;
        self.attaches(&id, customer);
        id
    }

    pub fn attaches(&self, method: &str, customer: &str) {
        self.books().attached.insert(method.into(), customer.into());
    }

    /// Somebody detaches all that the customer has, at Stripe.
    pub fn detaches_all(&self, customer: &str) {
        self.books().attached.retain(|_, of| of != customer);
    }

    pub fn is_attached(&self, method: &str) -> bool {
        self.books().attached.contains_key(method)
    }

    /// Somebody deletes all customers, at Stripe.
    pub fn forgets_customers(&self) {
        let mut books = self.books();
        books.customers.clear();
        books.attached.clear();
    }

    /// Forms of customers that were made, by their keys of idempotency.
    pub fn customers(&self) -> BTreeMap<String, Value> {
        self.books().customers.clone().into_iter().collect()
    }

    /// What was asked of customers and what is attached to them.
    pub fn asked(&self) -> Vec<String> {
        self.books().asked.clone()
    }

    fn notes(&self, asked: String) {
        self.books().asked.push(asked);
    }
}

/// Whether there is no such customer.
pub fn is_missing(stripe: &FakeStripe, customer: &str) -> bool {
    !stripe.books().customers.values().any(|known| known["id"] == customer)
}

/// As Stripe refuses an order whose customer or payment method it does not have, or that do not belong together.
pub fn refused(stripe: &FakeStripe, form: &BTreeMap<String, String>) -> Option<(u16, Value)> {
    let about = |param: &str, code: Value| {
        json!({"error": {"type": "invalid_request_error", "code": code,
        "param": param, "message": "No."}})
    };
    if is_missing(stripe, &form["customer"]) {
        return Some((400, about("customer", json!("resource_missing"))));
    }
    let of = stripe.books().attached.get(&form["payment_method"]).cloned();
    (of.as_ref() != form.get("customer")).then(|| (400, about("payment_method", Value::Null)))
}

async fn account(State(stripe): State<FakeStripe>, headers: HeaderMap) -> Response {
    if let Some(refused) = refuses_key(&stripe, &headers) {
        return refused;
    }
    answer(200, &json!({"id": ACCOUNT, "object": "account"}))
}

async fn make_customer(
    State(stripe): State<FakeStripe>,
    headers: HeaderMap,
    Form(form): Form<BTreeMap<String, String>>,
) -> Response {
    if let Some(refused) = refuses_key(&stripe, &headers) {
        return refused;
    }
    let key = headers["idempotency-key"].to_str().expect("a key").to_owned();
    let tenant = form["metadata[tenant_id]"].clone();
    let number = key.rsplit('-').next().expect("a number");
    let id = format!("cus_{}{}", tenant.replace('-', ""), if number == "1" { "" } else { number });
    let customer = json!({"id": id, "object": "customer", "metadata": {"tenant_id": tenant}, "livemode": false});
    let mut books = stripe.books();
    let known = books.customers.entry(key).or_insert(customer);
    answer(200, known)
}

/// The secret ends with the customer, for [`FakeStripe::confirms`].
async fn set_up(
    State(stripe): State<FakeStripe>,
    headers: HeaderMap,
    Form(form): Form<BTreeMap<String, String>>,
) -> Response {
    if let Some(refused) = refuses_key(&stripe, &headers) {
        return refused;
    }
    let customer = &form["customer"];
    if is_missing(&stripe, customer) {
        return error(400, "invalid_request_error", "resource_missing");
    }
    assert_eq!(form["usage"], "off_session");
    let id = format!("seti_{}", stripe.ambient.uuid().simple());
    answer(
        200,
        &json!({"id": id, "object": "setup_intent", "customer": customer, "status": "requires_payment_method",
        "client_secret": format!("{id}_secret_{customer}")}),
    )
}

async fn method(State(stripe): State<FakeStripe>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    if let Some(refused) = refuses_key(&stripe, &headers) {
        return refused;
    }
    stripe.notes(format!("GET {id}"));
    let books = stripe.books();
    let Some(of) = books.attached.get(&id) else {
        return error(404, "invalid_request_error", "resource_missing");
    };
    let customer = books.customers.values().find(|known| known["id"] == *of);
    answer(
        200,
        &json!({"id": id, "object": "payment_method", "type": "card",
        "customer": customer.cloned().unwrap_or_else(|| json!({"id": of, "object": "customer", "metadata": {}}))}),
    )
}

async fn detach(State(stripe): State<FakeStripe>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    if let Some(refused) = refuses_key(&stripe, &headers) {
        return refused;
    }
    stripe.notes(format!("POST {id}/detach"));
    match stripe.books().attached.remove(&id) {
        Some(_) => answer(200, &json!({"id": id, "object": "payment_method", "customer": null})),
        None => answer(400, &json!({"error": {"type": "invalid_request_error", "message": "It is not attached."}})),
    }
}
