//! Operations that make something: each takes an `Idempotency-Key`
//! (draft-ietf-httpapi-idempotency-key-header-07), or says why it does not, and tells where what it made is.

use contracts::roster;
use serde_json::{Map, Value, json};
use std::ops::RangeInclusive;

/// Visible ASCII characters of a key. A UUID has 36; what is shorter than 16 can be guessed.
pub const KEY_LENGTH: RangeInclusive<usize> = 16..=255;
/// Hours for which an answer is repeated, as long as Stripe's.
pub const KEY_KEPT_HOURS: i64 = 24;
/// Extension of an operation that takes no key; its value is the reason.
const EXEMPT: &str = "x-no-idempotency-key";

/// Names the headers and the refusals for every `POST` under `/v1` of a service of the platform that answers 201 or
/// 202.
pub(super) fn declare(document: &mut Value, service: &str) {
    if !roster::SERVICES.iter().any(|known| known.name == service) {
        return;
    }
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for (path, item) in paths.into_iter().flatten() {
        let operation = item.get_mut("post").and_then(Value::as_object_mut);
        let Some(operation) = operation.filter(|_| path.starts_with("/v1/")) else { continue };
        locate(operation);
        if makes_something(operation) {
            declare_in(operation);
        }
    }
}

/// What is made has an address, also where it was made before (200).
fn locate(operation: &mut Map<String, Value>) {
    let Some(answers) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    if answers.contains_key("201") {
        for made in ["200", "201"] {
            answers.get_mut(made).into_iter().for_each(|answer| answer["headers"]["Location"] = Value::Null);
        }
    }
}

fn makes_something(operation: &Map<String, Value>) -> bool {
    let answers = operation.get("responses").and_then(Value::as_object);
    let made = answers.is_some_and(|answers| answers.contains_key("201") || answers.contains_key("202"));
    made && !operation.contains_key(EXEMPT)
}

fn declare_in(operation: &mut Map<String, Value>) {
    let header = json!({
        "name": "Idempotency-Key", "in": "header", "required": false,
        "description": format!("Chosen by the caller, a new one for each thing to be made, such as a UUID. For \
            {KEY_KEPT_HOURS} hours the same request with the same key gets the first answer again, with \
            `Idempotency-Replayed: true`, and makes nothing more."),
        "schema": {"type": "string", "minLength": KEY_LENGTH.start(), "maxLength": KEY_LENGTH.end(),
            "pattern": "^[!-~]+$"},
        "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
    });
    if let Some(parameters) = operation.entry("parameters").or_insert_with(|| json!([])).as_array_mut() {
        parameters.push(header);
    }
    let Some(answers) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    for made in ["200", "201", "202"] {
        if let Some(answer) = answers.get_mut(made) {
            answer["headers"]["Idempotency-Replayed"] = Value::Null;
        }
    }
    let (least, most) = (KEY_LENGTH.start(), KEY_LENGTH.end());
    let malformed =
        format!("`idempotency_key_malformed`: it is not one value of {least} to {most} visible ASCII characters.");
    refuse(answers, "400", &malformed);
    refuse(answers, "409", "`idempotency_key_reused`: the key came with another request.");
}

/// Adds a sentence to what is said of a refusal.
fn refuse(answers: &mut Map<String, Value>, status: &str, text: &str) {
    let answer = answers.entry(status).or_insert_with(|| json!({"description": ""}));
    let told = answer["description"].as_str().unwrap_or_default();
    let end = if told.is_empty() || told.ends_with('.') { "" } else { "." };
    answer["description"] = format!("{told}{end} {text}").trim().into();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_something_takes_a_key() {
        let answers = |status: &str| json!({"responses": {status: {"description": "d"}}});
        let exempt = json!({"responses": {"201": {"description": "d"}}, EXEMPT: "a reason"});
        let mut document = json!({"paths": {
            "/v1/made": {"post": answers("201"), "get": answers("201")}, "/v1/ordered": {"post": answers("202")},
            "/v1/asked": {"post": answers("200")}, "/internal/made": {"post": answers("201")},
            "/v1/exempt": {"post": exempt},
        }});
        let before = document.clone();
        declare(&mut document, "forum");
        assert_eq!(document, before, "a product's database has no keys");
        declare(&mut document, "auth");
        let takes =
            |path: &str, method: &str| document["paths"][path][method]["parameters"][0]["name"] == "Idempotency-Key";
        assert!(takes("/v1/made", "post") && takes("/v1/ordered", "post"));
        assert!(!takes("/v1/made", "get") && !takes("/v1/asked", "post") && !takes("/internal/made", "post"));
        assert!(!takes("/v1/exempt", "post"));
    }
}
