//! Stripe's answers, sorted (<https://docs.stripe.com/api/errors>, <https://docs.stripe.com/error-codes>). What is not
//! known here is asked for again and lost by nobody.

use crate::payments::provider::{Charge, ChargeKey, ChargeState, Fault};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;

/// A PaymentIntent (<https://docs.stripe.com/api/payment_intents/object>), as far as it is read.
#[derive(Clone, Debug, Deserialize)]
pub struct Intent {
    pub id: String,
    status: String,
    #[serde(default)]
    amount_received: i64,
    currency: String,
    #[serde(default)]
    pub metadata: HashMap<String, String>,
    last_payment_error: Option<Box<ErrorBody>>,
    cancellation_reason: Option<String>,
    /// Its id, unless it was asked for whole.
    #[serde(default)]
    latest_charge: Value,
}

/// A page of PaymentIntents.
#[derive(Debug, Deserialize)]
pub struct Intents {
    pub data: Vec<Intent>,
    pub has_more: bool,
}

#[derive(Debug, Deserialize)]
struct Refusal {
    error: ErrorBody,
}

#[derive(Clone, Debug, Deserialize)]
struct ErrorBody {
    #[serde(rename = "type")]
    kind: String,
    code: Option<String>,
    decline_code: Option<String>,
    param: Option<String>,
    payment_intent: Option<Box<Intent>>,
}

/// Codes of a 400 or 404 that are about this customer, payment method or amount, and no fault of how we ask.
const DECLINES: [&str; 10] = [
    "card_decline_rate_limit_exceeded",
    "charge_exceeds_source_limit",
    "charge_exceeds_transaction_limit",
    "customer_max_payment_methods",
    "payment_method_currency_mismatch",
    "payment_method_invalid_parameter",
    "payment_method_provider_decline",
    "payment_method_unactivated",
    "payment_method_unexpected_state",
    "payment_intent_incompatible_payment_method",
];
/// The same about the amount: no payment method changes it.
const AMOUNTS: [&str; 3] = ["amount_too_large", "amount_too_small", "invalid_charge_amount"];
/// What Stripe does not have; the `param` says which it is.
const MISSING: &str = "resource_missing";
/// What a tenant gives, and what it is attached to. A 400 about one of these and without a code says that the payment
/// method was detached, or belongs to another customer.
const GIVEN_BY_TENANTS: [&str; 2] = ["customer", "payment_method"];
/// As `code` of a card error, or as its `decline_code`: the bank wants the customer.
const AUTHENTICATION_REQUIRED: &str = "authentication_required";
/// A code is a word; what is longer is none.
const LONGEST_CODE: usize = 100;

/// What Stripe says of a charge, by its status and body.
pub fn sort(status: u16, body: &[u8]) -> Result<Charge, Fault> {
    if status == 200 {
        let intent = serde_json::from_slice::<Intent>(body);
        return intent.map(Charge::from).map_err(|_| Fault::passing("200 without a PaymentIntent"));
    }
    let Some(error) = refusal(status, body)? else {
        return Err(Fault::passing(status.to_string()));
    };
    let code = word(error.why());
    let asks = error.code.as_deref() == Some(AUTHENTICATION_REQUIRED) || code == AUTHENTICATION_REQUIRED;
    let state = match (status, asks) {
        (402, true) => ChargeState::ActionRequired { code },
        (402, false) => ChargeState::Declined { code },
        (400 | 404, _) if AMOUNTS.contains(&code.as_str()) => ChargeState::NotChargeable { code },
        (400 | 404, _) if DECLINES.contains(&code.as_str()) || error.is_about_tenants() => {
            ChargeState::Declined { code }
        }
        // The key was used with another order: that one is found by its metadata.
        (400, _) if error.kind == "idempotency_error" => return Err(Fault::passing(error.kind)),
        _ => return Err(Fault::Configuration { reason: format!("{status} {code}") }),
    };
    let intent = error.payment_intent.map(|intent| (intent.id, ChargeKey::read(&intent.metadata)));
    let (intent_id, key) = intent.map_or((None, None), |(id, key)| (Some(id), key));
    Ok(Charge { intent_id, key, state })
}

/// What a call that charges nothing is refused with.
pub fn refused(status: u16, body: &[u8]) -> Fault {
    match refusal(status, body) {
        Err(fault) => fault,
        Ok(Some(error)) if error.code.as_deref() == Some(MISSING) => Fault::Missing,
        Ok(Some(error)) => {
            Fault::Configuration { reason: format!("{status} {}", word(error.code.as_deref().unwrap_or(&error.kind))) }
        }
        Ok(None) => Fault::passing(status.to_string()),
    }
}

/// Whether a refusal (400) says that an intent is not in a state in which it could be canceled.
pub fn is_unexpected_state(body: &[u8]) -> bool {
    let refusal = serde_json::from_slice::<Refusal>(body);
    refusal.is_ok_and(|refusal| refusal.error.code.as_deref() == Some("payment_intent_unexpected_state"))
}

impl ErrorBody {
    fn why(&self) -> &str {
        let code = self.decline_code.as_deref().or(self.code.as_deref()).or(self.param.as_deref());
        code.unwrap_or(&self.kind)
    }

    /// Whether it is about what a tenant has given, and no fault of how we ask.
    fn is_about_tenants(&self) -> bool {
        let is_known = self.code.as_deref().is_none_or(|code| code == MISSING);
        is_known
            && self.kind == "invalid_request_error"
            && self.param.as_deref().is_some_and(|param| GIVEN_BY_TENANTS.contains(&param))
    }
}

/// The error that a refusal (400, 402, 404) tells; every other answer is a fault, or nothing that is known.
fn refusal(status: u16, body: &[u8]) -> Result<Option<ErrorBody>, Fault> {
    match status {
        401 | 403 => Err(Fault::Configuration { reason: status.to_string() }),
        // Another request with the key is under way (409), something that Stripe needs is away (424), too many (429).
        409 | 424 | 429 | 500..=599 => Err(Fault::passing(status.to_string())),
        400 | 402 | 404 => {
            let refusal = serde_json::from_slice::<Refusal>(body);
            refusal.map(|refusal| Some(refusal.error)).map_err(|_| Fault::passing(format!("{status} without an error")))
        }
        _ => Ok(None),
    }
}

impl From<Intent> for Charge {
    fn from(intent: Intent) -> Self {
        let key = ChargeKey::read(&intent.metadata);
        let error = intent.last_payment_error.as_deref();
        let code = error.and_then(|error| error.decline_code.as_deref().or(error.code.as_deref()));
        let state = match intent.status.as_str() {
            "succeeded" if intent.latest_charge["refunded"] == true => {
                ChargeState::Canceled { code: "refunded".into() }
            }
            "succeeded" => ChargeState::Succeeded { amount: intent.amount_received, currency: intent.currency },
            "processing" => ChargeState::Pending,
            "requires_action" => ChargeState::ActionRequired { code: word(code.unwrap_or(AUTHENTICATION_REQUIRED)) },
            "requires_payment_method" if code == Some(AUTHENTICATION_REQUIRED) => {
                ChargeState::ActionRequired { code: AUTHENTICATION_REQUIRED.into() }
            }
            "requires_payment_method" => ChargeState::Declined { code: word(code.unwrap_or("declined")) },
            "canceled" => {
                ChargeState::Canceled { code: word(intent.cancellation_reason.as_deref().unwrap_or("canceled")) }
            }
            // `requires_confirmation`, `requires_capture`: nothing that we ask for ends there.
            other => ChargeState::Unclear { status: word(other) },
        };
        Self { intent_id: Some(intent.id), key, state }
    }
}

/// A word of Stripe's, short and on one line.
fn word(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic()).take(LONGEST_CODE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn intent(status: &str, error: Value) -> Value {
        json!({"id": "pi_1", "object": "payment_intent", "status": status, "amount": 1488, "amount_received": 1488,
            "currency": "eur", "metadata": {}, "last_payment_error": error, "cancellation_reason": null})
    }

    fn error(kind: &str, code: &str, decline_code: Option<&str>) -> Value {
        json!({"error": {"type": kind, "code": code, "decline_code": decline_code, "message": "No."}})
    }

    /// As Stripe refuses what an order names.
    fn about(param: &str, code: Value) -> Value {
        json!({"error": {"type": "invalid_request_error", "code": code, "param": param, "message": "No."}})
    }

    fn sorted(status: u16, body: &Value) -> Result<ChargeState, Fault> {
        sort(status, body.to_string().as_bytes()).map(|charge| charge.state)
    }

    #[test]
    fn every_status_of_an_intent_is_sorted() {
        let declined = |code: &str| Ok(ChargeState::Declined { code: code.into() });
        let asks = Ok(ChargeState::ActionRequired { code: AUTHENTICATION_REQUIRED.into() });
        let unclear = |status: &str| Ok(ChargeState::Unclear { status: status.into() });
        let card =
            |decline_code: &str| json!({"type": "card_error", "code": "card_declined", "decline_code": decline_code});
        for (status, error, expected) in [
            ("succeeded", Value::Null, Ok(ChargeState::Succeeded { amount: 1488, currency: "eur".into() })),
            ("processing", Value::Null, Ok(ChargeState::Pending)),
            ("requires_action", Value::Null, asks.clone()),
            ("requires_payment_method", card(AUTHENTICATION_REQUIRED), asks),
            ("requires_payment_method", card("insufficient_funds"), declined("insufficient_funds")),
            ("requires_payment_method", Value::Null, declined("declined")),
            ("canceled", Value::Null, Ok(ChargeState::Canceled { code: "canceled".into() })),
            ("requires_capture", Value::Null, unclear("requires_capture")),
            ("requires_confirmation", Value::Null, unclear("requires_confirmation")),
            ("invented", Value::Null, unclear("invented")),
        ] {
            assert_eq!(sorted(200, &intent(status, error)), expected, "{status}");
        }
    }

    #[test]
    fn every_refusal_is_sorted() {
        let declined = |code: &str| Ok(ChargeState::Declined { code: code.into() });
        for (status, body, expected) in [
            (402, error("card_error", "card_declined", Some("lost_card")), declined("lost_card")),
            (402, error("card_error", "expired_card", None), declined("expired_card")),
            (402, error("invented_error", "invented", None), declined("invented")),
            (400, about("customer", json!(MISSING)), declined(MISSING)),
            (404, about("payment_method", json!(MISSING)), declined(MISSING)),
            (400, about("payment_method", Value::Null), declined("payment_method")),
            (400, about("customer", Value::Null), declined("customer")),
            (
                400,
                error("invalid_request_error", "amount_too_small", None),
                Ok(ChargeState::NotChargeable { code: "amount_too_small".into() }),
            ),
        ] {
            assert_eq!(sorted(status, &body), expected, "{status} {body}");
        }
        for code in [("authentication_required", None), ("card_declined", Some("authentication_required"))] {
            let asks = sorted(402, &error("card_error", code.0, code.1));
            assert!(matches!(asks, Ok(ChargeState::ActionRequired { .. })), "{code:?}");
        }
    }

    #[test]
    fn a_fault_uses_up_nothing_and_what_is_unknown_is_asked_for_again() {
        let some = error("invalid_request_error", "parameter_unknown", None);
        for status in [400, 401, 403, 404] {
            assert!(matches!(sorted(status, &some), Err(Fault::Configuration { .. })), "{status}");
        }
        for ours in [
            about("amount", Value::Null),
            about("payment_method", json!("parameter_unknown")),
            about("payment_intent", json!(MISSING)),
            error("invalid_request_error", MISSING, None),
        ] {
            assert!(matches!(sorted(400, &ours), Err(Fault::Configuration { .. })), "{ours}");
        }
        for status in [201, 204, 302, 409, 418, 424, 429, 500, 502, 503, 504, 529] {
            assert!(matches!(sorted(status, &some), Err(Fault::Passing { .. })), "{status}");
        }
        for status in [200, 400, 402, 404] {
            assert!(matches!(sort(status, b"<html>"), Err(Fault::Passing { .. })), "{status}");
        }
        let reused = error("idempotency_error", "idempotency_key_in_use", None);
        assert!(matches!(sorted(400, &reused), Err(Fault::Passing { .. })));
        assert_eq!(
            refused(404, error("invalid_request_error", "resource_missing", None).to_string().as_bytes()),
            Fault::Missing
        );
    }

    #[test]
    fn what_was_paid_back_is_canceled() {
        let mut paid_back = intent("succeeded", Value::Null);
        paid_back["latest_charge"] = json!({"id": "ch_1", "refunded": true});
        assert_eq!(sorted(200, &paid_back), Ok(ChargeState::Canceled { code: "refunded".into() }));
        for kept in [json!("ch_1"), json!({"id": "ch_1", "refunded": false}), Value::Null] {
            paid_back["latest_charge"] = kept;
            assert!(matches!(sorted(200, &paid_back), Ok(ChargeState::Succeeded { .. })));
        }
    }

    #[test]
    fn a_refusal_names_its_intent() {
        let mut body = error("card_error", "card_declined", Some("do_not_honor"));
        body["error"]["payment_intent"] = intent("requires_payment_method", Value::Null);
        let charge = sort(402, body.to_string().as_bytes()).unwrap();
        assert_eq!(charge.intent_id.as_deref(), Some("pi_1"));
    }
}
