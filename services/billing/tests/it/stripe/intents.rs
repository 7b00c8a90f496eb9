//! The tests' Stripe: what has become of PaymentIntents.

use super::{FakeStripe, answer, customers, error, refused};
use axum::{
    Router,
    extract::{Path, Query, State},
    http::HeaderMap,
    response::Response,
    routing::{get, post},
};
use serde_json::{Value, json};
use std::collections::HashMap;

pub fn routes() -> Router<FakeStripe> {
    Router::new()
        .route("/v1/payment_intents", get(list))
        .route("/v1/payment_intents/search", get(search))
        .route("/v1/payment_intents/{id}", get(retrieve))
        .route("/v1/payment_intents/{id}/cancel", post(cancel))
}

async fn retrieve(State(stripe): State<FakeStripe>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    if let Some(refused) = refused(&stripe, &headers) {
        return refused;
    }
    let found = stripe.intents().into_iter().find(|intent| intent["id"] == *id);
    found.map_or_else(|| error(404, "invalid_request_error", "resource_missing"), |intent| answer(200, &intent))
}

/// Refused in any state from which there is no way to `canceled`.
async fn cancel(State(stripe): State<FakeStripe>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    if let Some(refused) = refused(&stripe, &headers) {
        return refused;
    }
    let mut books = stripe.books();
    let Some(intent) = books.intents.iter_mut().find(|intent| intent["id"] == *id) else {
        return error(404, "invalid_request_error", "resource_missing");
    };
    if ["succeeded", "processing", "canceled"].contains(&intent["status"].as_str().expect("a status")) {
        return error(400, "invalid_request_error", "payment_intent_unexpected_state");
    }
    intent["status"] = "canceled".into();
    answer(200, intent)
}

/// The latest first, as Stripe lists them, two on a page.
async fn list(
    State(stripe): State<FakeStripe>,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    if let Some(refused) = refused(&stripe, &headers) {
        return refused;
    }
    let since: i64 = query["created[gte]"].parse().expect("seconds");
    if customers::is_missing(&stripe, &query["customer"]) {
        return error(404, "invalid_request_error", "resource_missing");
    }
    let own = |intent: &Value| intent["customer"] == *query["customer"] && intent["created"].as_i64() >= Some(since);
    let mut found: Vec<_> = stripe.intents().into_iter().rev().filter(own).collect();
    if let Some(after) = query.get("starting_after") {
        let place = found.iter().position(|intent| intent["id"] == **after).expect("the last of a page");
        found.drain(..=place);
    }
    let has_more = found.len() > 2;
    found.truncate(2);
    answer(200, &json!({"object": "list", "url": "/v1/payment_intents", "has_more": has_more, "data": found}))
}

/// Understands what billing looks for.
async fn search(
    State(stripe): State<FakeStripe>,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    if let Some(refused) = refused(&stripe, &headers) {
        return refused;
    }
    let is_it = |intent: &Value| {
        let has =
            |name: &str| format!("metadata['{name}']:'{}'", intent["metadata"][name].as_str().unwrap_or_default());
        query["query"] == format!("{} AND {}", has("invoice_id"), has("attempt"))
    };
    let found: Vec<_> = stripe.intents().into_iter().filter(is_it).collect();
    answer(
        200,
        &json!({"object": "search_result", "url": "/v1/payment_intents/search", "has_more": false, "data": found}),
    )
}
