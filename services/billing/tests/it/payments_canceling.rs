//! Tests of canceling: a failed charge takes no money any more once the invoice is paid otherwise, and operators end
//! what nobody understands.

use crate::payments_world::{Paying, TOTAL, attempts, days_pass, hasten, paid, payment, payment_when, put_off};
use serde_json::{Value, json};
use test_support::TestAnswer;

fn declined(payment: &Value) -> bool {
    attempts(payment) == [(1, "declined")]
}

async fn transfer(paying: &Paying, token: &str, invoice: &str) -> TestAnswer {
    let body = json!({"reference": "line 7", "amount_minor": TOTAL, "currency": "EUR"});
    paying.world.server.post(&format!("/v1/invoices/{invoice}/payments"), &body).bearer(token).send().await
}

async fn cancel(paying: &Paying, token: &str, invoice: &str, attempt: i32) -> TestAnswer {
    let path = format!("/v1/invoices/{invoice}/payment/cancel");
    paying.world.server.post(&path, &json!({"attempt": attempt})).bearer(token).send().await
}

#[tokio::test]
async fn a_failed_charge_is_canceled_before_the_next_and_before_a_transfer() {
    let paying = Paying::start().await;
    let (ada, invoice) = paying.invoiced("pm_declined").await;
    payment_when(&paying.world, &ada, &invoice, "the attempt is declined", declined).await;
    let states = || paying.stripe.intents().iter().map(|intent| intent["status"].clone()).collect::<Vec<_>>();
    assert_eq!(states(), ["requires_payment_method"]);
    days_pass(&paying.world, &invoice, 1).await;
    let again = |payment: &Value| attempts(payment) == [(2, "declined"), (1, "declined")];
    payment_when(&paying.world, &ada, &invoice, "another attempt is declined", again).await;
    assert_eq!(states(), ["canceled", "requires_payment_method"]);
    paying.stripe.locks_out(true);
    transfer(&paying, &ada.token, &invoice).await.problem(503, "unavailable");
    assert_eq!(payment(&paying.world, &ada, &invoice).await["state"], "open");
    paying.stripe.locks_out(false);
    assert_eq!(transfer(&paying, &ada.token, &invoice).await.expect(200)["state"], "paid");
    assert_eq!(states(), ["canceled", "canceled"]);
}

#[tokio::test]
async fn a_failed_charge_that_was_paid_all_the_same_pays_the_invoice() {
    let paying = Paying::start().await;
    let (ada, invoice) = paying.invoiced("pm_declined").await;
    payment_when(&paying.world, &ada, &invoice, "the attempt is declined", declined).await;
    // Somebody confirms it at Stripe, and no event comes.
    paying.stripe.becomes("succeeded");
    days_pass(&paying.world, &invoice, 1).await;
    assert!(declined(&paid(&paying.world, &ada, &invoice).await));

    let (eve, invoice) = paying.invoiced("pm_declined").await;
    payment_when(&paying.world, &eve, &invoice, "the attempt is declined", declined).await;
    paying.stripe.becomes("processing");
    transfer(&paying, &eve.token, &invoice).await.problem(409, "payment_under_way");
    paying.stripe.becomes("succeeded");
    transfer(&paying, &eve.token, &invoice).await.problem(409, "invoice_paid");
    let kept = payment(&paying.world, &eve, &invoice).await;
    assert_eq!((&kept["state"], &kept["payments"][0]["kind"]), (&json!("paid"), &json!("stripe")));
    assert_eq!((paying.stripe.orders().len(), kept["payments"].as_array().map(Vec::len)), (2, Some(1)));
}

#[tokio::test]
async fn an_operator_ends_what_is_not_understood_and_never_what_may_take_money() {
    let paying = Paying::start().await;
    let (ada, invoice) = paying.invoiced("pm_slow").await;
    paying.world.counted("SELECT count(*) FROM payment_attempt WHERE intent_id IS NOT NULL", 1).await;
    cancel(&paying, &ada.token, &invoice, 1).await.problem(409, "charge_not_canceled");
    assert_eq!(attempts(&payment(&paying.world, &ada, &invoice).await), [(1, "under way")]);

    paying.stripe.becomes("requires_capture");
    hasten(&paying.world, &invoice).await;
    put_off(&paying.world, &invoice, 1).await;
    cancel(&paying, &ada.token, &invoice, 2).await.problem(409, "attempt_not_under_way");
    let unknown = paying.world.platform.tenant().to_string();
    cancel(&paying, &ada.token, &unknown, 1).await.problem(404, "invoice_not_found");
    let stranger = paying.world.platform.user(ada.tenant, &["billing.recordPayments"]).await;
    cancel(&paying, &stranger.token, &invoice, 1).await.problem(403, "permission_missing");
    let ended = cancel(&paying, &ada.token, &invoice, 1).await.expect(200);
    assert_eq!((attempts(&ended), &ended["reminded_at"]), (vec![(1, "canceled")], &Value::Null));
    assert_eq!(paying.stripe.intents()[0]["status"], "canceled");
    let named = "SELECT count(*) FROM payment_attempt WHERE canceled_by LIKE 'user:%'";
    assert_eq!(paying.world.count(named).await, 1);
    cancel(&paying, &ada.token, &invoice, 1).await.problem(409, "attempt_not_under_way");

    // Another one follows. Money that is not the invoice's ends it only when it is paid back.
    hasten(&paying.world, &invoice).await;
    paying.world.counted("SELECT count(*) FROM payment_attempt WHERE intent_id IS NOT NULL", 2).await;
    paying.stripe.receives(TOTAL - 1);
    cancel(&paying, &ada.token, &invoice, 2).await.problem(409, "charge_not_canceled");
    paying.stripe.refunds();
    let ended = cancel(&paying, &ada.token, &invoice, 2).await.expect(200);
    assert_eq!(
        (attempts(&ended), &ended["attempts"][0]["code"]),
        (vec![(2, "canceled"), (1, "canceled")], &json!("refunded"))
    );

    hasten(&paying.world, &invoice).await;
    paying.world.counted("SELECT count(*) FROM payment_attempt WHERE intent_id IS NOT NULL", 3).await;
    paying.stripe.becomes("succeeded");
    assert_eq!(cancel(&paying, &ada.token, &invoice, 3).await.expect(200)["state"], "paid");
}

#[tokio::test]
async fn an_attempt_without_a_charge_is_looked_for_first() {
    let paying = Paying::start().await;
    paying.stripe.fails(&[crate::stripe::Fault::BreaksOff]);
    let (ada, invoice) = paying.invoiced("pm_card").await;
    put_off(&paying.world, &invoice, 1).await;
    cancel(&paying, &ada.token, &invoice, 1).await.problem(409, "attempt_without_charge");
}
