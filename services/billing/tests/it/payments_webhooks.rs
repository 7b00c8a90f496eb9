//! Tests of Stripe's webhooks: only what is signed counts, once, in whichever order it comes.

use crate::{
    payments_world::{Paying, TOTAL, attempts, hasten, paid, payment, payment_when, put_off},
    stripe::{Fault, WEBHOOK_SECRETS, signature},
};
use serde_json::{Value, json};
use test_support::TestAnswer;

const PATH: &str = "/v1/payment-webhooks/stripe";

async fn send(paying: &Paying, event: &Value, header: impl Fn(i64, &str) -> String) -> TestAnswer {
    let (body, now) = (event.to_string(), paying.world.platform.ambient.now().timestamp());
    let header = header(now, &body);
    let request = paying.world.server.request(reqwest::Method::POST, PATH).body("application/json", body);
    request.header("stripe-signature", &header).send().await
}

/// Sends it as Stripe does; gives whether it counted.
async fn tell(paying: &Paying, event: &Value) -> bool {
    let answer = send(paying, event, |now, body| signature(WEBHOOK_SECRETS[0], now, body)).await;
    answer.expect(200)["taken"].as_bool().expect("taken")
}

#[tokio::test]
async fn a_bank_that_takes_days_is_heard_of_by_events_in_any_order() {
    let paying = Paying::start().await;
    let (ada, invoice) = paying.invoiced("pm_slow").await;
    let begun = |payment: &Value| attempts(payment) == [(1, "under way")];
    payment_when(&paying.world, &ada, &invoice, "the charge is under way", begun).await;
    paying.world.counted("SELECT count(*) FROM payment_attempt WHERE intent_id IS NOT NULL", 1).await;
    let processing = paying.stripe.intents()[0].clone();
    let succeeded = paying.stripe.event("payment_intent.succeeded", &paying.stripe.becomes("succeeded"));
    assert!(tell(&paying, &succeeded).await);
    let settled = paid(&paying.world, &ada, &invoice).await;
    assert_eq!(attempts(&settled), [(1, "succeeded")]);
    // Stripe repeats events, and sends them in any order.
    assert!(!tell(&paying, &succeeded).await);
    for kind in ["payment_intent.processing", "payment_intent.payment_failed"] {
        assert!(tell(&paying, &paying.stripe.event(kind, &processing)).await);
    }
    paying.world.counted("SELECT count(*) FROM payment_event WHERE next_at IS NULL", 3).await;
    assert_eq!(payment(&paying.world, &ada, &invoice).await, settled);
}

#[tokio::test]
async fn a_bank_that_refuses_after_days_is_a_declined_attempt() {
    let paying = Paying::start().await;
    let (ada, invoice) = paying.invoiced("pm_slow").await;
    paying.world.counted("SELECT count(*) FROM payment_attempt WHERE intent_id IS NOT NULL", 1).await;
    let failed =
        paying.stripe.event("payment_intent.payment_failed", &paying.stripe.becomes("requires_payment_method"));
    assert!(tell(&paying, &failed).await);
    let declined = |payment: &Value| attempts(payment) == [(1, "declined")] && payment["reminded_at"].is_string();
    payment_when(&paying.world, &ada, &invoice, "the attempt is declined", declined).await;
}

#[tokio::test]
async fn what_is_paid_twice_is_kept_and_seen() {
    let paying = Paying::start().await;
    let (ada, invoice) = paying.invoiced("pm_declined").await;
    let declined = |payment: &Value| attempts(payment) == [(1, "declined")];
    payment_when(&paying.world, &ada, &invoice, "the attempt is declined", declined).await;
    let transfer = json!({"reference": "line 7", "amount_minor": TOTAL, "currency": "EUR"});
    let path = format!("/v1/invoices/{invoice}/payments");
    paying.world.server.post(&path, &transfer).bearer(&ada.token).send().await.expect(200);
    // Somebody has charged it by hand at Stripe all the same.
    let late = paying.stripe.event("payment_intent.succeeded", &paying.stripe.becomes("succeeded"));
    assert!(tell(&paying, &late).await);
    let twice = |payment: &Value| payment["payments"].as_array().map(Vec::len) == Some(2);
    let payment = payment_when(&paying.world, &ada, &invoice, "both payments are kept", twice).await;
    assert_eq!((&payment["state"], attempts(&payment)), (&json!("paid"), vec![(1, "declined")]));
}

#[tokio::test]
async fn another_amount_than_the_invoices_pays_nothing() {
    let paying = Paying::start().await;
    let (ada, invoice) = paying.invoiced("pm_slow").await;
    paying.world.counted("SELECT count(*) FROM payment_attempt WHERE intent_id IS NOT NULL", 1).await;
    let partial = paying.stripe.event("payment_intent.succeeded", &paying.stripe.receives(TOTAL - 1));
    assert!(tell(&paying, &partial).await);
    paying.world.counted("SELECT count(*) FROM payment_event WHERE next_at IS NULL", 1).await;
    let payment = payment(&paying.world, &ada, &invoice).await;
    assert_eq!((&payment["state"], attempts(&payment)), (&json!("open"), vec![(1, "under way")]));
    assert_eq!(payment["payments"], json!([]));
}

#[tokio::test]
async fn an_attempt_of_an_invoice_that_is_paid_otherwise_is_not_sent_again() {
    let paying = Paying::start().await;
    let (ada, invoice) = paying.invoiced("pm_declined").await;
    let declined = |payment: &Value| attempts(payment) == [(1, "declined")];
    payment_when(&paying.world, &ada, &invoice, "the attempt is declined", declined).await;
    paying.stripe.fails(&[Fault::BreaksOff]);
    paying.set_method(&ada, "pm_card4242").await.expect(200);
    put_off(&paying.world, &invoice, 1).await;
    let late = paying.stripe.event("payment_intent.succeeded", &paying.stripe.becomes("succeeded"));
    assert!(tell(&paying, &late).await);
    paid(&paying.world, &ada, &invoice).await;
    hasten(&paying.world, &invoice).await;
    put_off(&paying.world, &invoice, 2).await;
    assert_eq!(attempts(&payment(&paying.world, &ada, &invoice).await), [(2, "under way"), (1, "declined")]);
    assert_eq!((paying.stripe.orders().len(), paying.stripe.charged()), (2, 1));
}

#[tokio::test]
async fn only_what_stripe_has_signed_just_now_counts() {
    let paying = Paying::start().await;
    let (ada, invoice) = paying.invoiced("pm_slow").await;
    paying.world.counted("SELECT count(*) FROM payment_attempt WHERE intent_id IS NOT NULL", 1).await;
    let intent = paying.stripe.intents()[0].clone();
    let event = paying.stripe.event("payment_intent.processing", &intent);
    let wrong: [fn(i64, &str) -> String; 6] = [
        |_, _| String::new(),
        |now, body| signature("whsec_other", now, body),
        |now, _| signature(WEBHOOK_SECRETS[0], now, "{}"),
        |now, body| signature(WEBHOOK_SECRETS[0], now - 330, body),
        |now, body| signature(WEBHOOK_SECRETS[0], now + 330, body),
        |now, body| signature(WEBHOOK_SECRETS[0], now, body).replace("v1=", "v0="),
    ];
    for header in wrong {
        send(&paying, &event, header).await.problem(400, "signature_invalid");
    }
    assert_eq!(paying.world.count("SELECT count(*) FROM payment_event").await, 0);
    // While the secret is rotated both count, and Stripe may send several signatures.
    let event = json!({"id": event["id"], "type": event["type"],
        "data": {"object": {"id": intent["id"], "metadata": intent["metadata"]}}});
    let both = send(&paying, &event, |now, body| {
        let old = signature(WEBHOOK_SECRETS[1], now, body);
        format!("t={now},v1={},{}", "00".repeat(32), old.split_once(',').expect("a tag").1)
    });
    assert_eq!(both.await.expect(200)["taken"], true);

    // What is none of ours is answered, and forgotten.
    let mut foreign = intent;
    foreign["metadata"] = json!({"invoice_id": paying.world.platform.tenant().to_string(), "attempt": "1"});
    for event in [
        paying.stripe.event("charge.refunded", &json!({"id": "ch_1"})),
        paying.stripe.event("invented.kind", &Value::Null),
        paying.stripe.event("payment_intent.succeeded", &foreign),
    ] {
        assert!(!tell(&paying, &event).await, "{event}");
    }
    assert_eq!(paying.world.count("SELECT count(*) FROM payment_event").await, 1);
    assert_eq!(attempts(&payment(&paying.world, &ada, &invoice).await), [(1, "under way")]);
}

#[tokio::test]
async fn who_sends_wrong_signatures_is_refused_for_a_while_and_stripe_is_not() {
    let paying = Paying::start().await;
    let event = paying.stripe.event("invented.kind", &Value::Null);
    for _ in 0..60 {
        send(&paying, &event, |_, _| "t=1,v1=00".into()).await.problem(400, "signature_invalid");
    }
    send(&paying, &event, |_, _| "t=1,v1=00".into()).await.problem(429, "too_many_requests");
    assert!(!tell(&paying, &event).await);
}
