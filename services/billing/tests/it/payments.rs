//! Tests of payments: an invoice is charged to the payment method, or paid by bank transfer.

use crate::{
    payments_world::{Paying, TOTAL, attempts, customer_id, invoiced, paid, payment, set_method},
    world::World,
};
use serde_json::{Value, json};

#[tokio::test]
async fn an_invoice_is_charged_once_with_what_stripe_wants_to_know() {
    let paying = Paying::start().await;
    let (ada, invoice) = paying.invoiced("pm_card4242").await;
    let payment = paid(&paying.world, &ada, &invoice).await;
    assert_eq!((attempts(&payment), &payment["open_minor"]), (vec![(1, "succeeded")], &0.into()));
    let intent = paying.stripe.intents()[0]["id"].clone();
    let received = &payment["payments"][0];
    assert_eq!(
        (&received["kind"], &received["reference"], &received["amount_minor"]),
        (&json!("stripe"), &intent, &json!(TOTAL))
    );
    let [order] = paying.stripe.orders().try_into().expect("one order");
    assert_eq!((order.key, order.version.as_str()), (format!("{invoice}-1"), "2025-06-30.basil"));
    let expected = [
        ("amount", "74"),
        ("currency", "eur"),
        ("customer", &customer_id(&ada)),
        ("confirm", "true"),
        ("off_session", "true"),
        ("metadata[invoice_id]", &invoice),
        ("metadata[attempt]", "1"),
    ];
    for (name, value) in expected {
        assert_eq!(order.form.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(order.form["payment_method"].starts_with("pm_card4242"));
}

#[tokio::test]
async fn an_invoice_of_nothing_is_paid_at_once_and_nobody_sees_anothers() {
    let paying = Paying::start().await;
    let (ada, eve) = (paying.world.customer().await, paying.world.customer().await);
    let invoice = paying.world.close(&ada, &ada.cycle).await;
    let id = invoice["id"].as_str().unwrap();
    let payment = paid(&paying.world, &ada, id).await;
    assert_eq!((&payment["open_minor"], &payment["payments"], attempts(&payment)), (&0.into(), &json!([]), vec![]));
    let path = format!("/v1/invoices/{id}/payment");
    paying.world.server.get(&path).bearer(&eve.token).send().await.problem(404, "invoice_not_found");
    assert_eq!(paying.stripe.orders().len(), 0);
}

#[tokio::test]
async fn without_stripe_an_operator_records_the_bank_transfer_exactly_once() {
    let world = World::start().await;
    world.publish_forum().await;
    let ada = world.customer().await;
    set_method(&world, &ada, "pm_1", "*").await.problem(409, "payments_not_configured");
    let setup = world.server.post("/v1/payment-method-setups", &()).bearer(&ada.token).send().await;
    setup.problem(409, "payments_not_configured");
    let removal = world.server.delete("/v1/payment-method").bearer(&ada.token).header("if-match", "*");
    removal.send().await.problem(409, "payments_not_configured");

    let invoice = invoiced(&world, &ada).await;
    world.counted("SELECT count(*) FROM invoice_payment", 1).await;
    let path = format!("/v1/invoices/{invoice}/payments");
    let record = async |path: &str, reference: &str, amount: i64, currency: &str| {
        let body = json!({"reference": reference, "amount_minor": amount, "currency": currency});
        world.server.post(path, &body).bearer(&ada.token).send().await
    };
    record(&path, "line 7", TOTAL - 1, "EUR").await.invalid(&["amount_minor"]);
    record(&path, "line 7", TOTAL, "USD").await.invalid(&["currency"]);
    record(&path, "", TOTAL, "euro").await.invalid(&["reference", "currency"]);
    record(&path, &"x".repeat(201), TOTAL, "EUR").await.invalid(&["reference"]);
    let unknown = format!("/v1/invoices/{}/payments", world.platform.tenant());
    record(&unknown, "line 7", TOTAL, "EUR").await.problem(404, "invoice_not_found");
    assert_eq!(payment(&world, &ada, &invoice).await["state"], "open");

    let (one, two) = tokio::join!(record(&path, "line 7", TOTAL, "EUR"), record(&path, "line 7", TOTAL, "EUR"));
    let (one, two) = (one.expect(200), two.expect(200));
    assert_eq!((&one["state"], &one), (&json!("paid"), &two));
    let kept: Vec<&Value> = one["payments"].as_array().unwrap().iter().collect();
    assert_eq!((kept.len(), &kept[0]["kind"], &kept[0]["reference"]), (1, &json!("bank_transfer"), &json!("line 7")));
    record(&path, "line 7", TOTAL + 1, "EUR").await.problem(409, "reference_used");
    record(&path, "line 8", TOTAL, "EUR").await.problem(409, "invoice_paid");
    assert_eq!(payment(&world, &ada, &invoice).await, one);
}

#[tokio::test]
async fn what_became_of_an_attempt_and_what_was_received_never_changes() {
    let paying = Paying::start().await;
    let (ada, invoice) = paying.invoiced("pm_card4242").await;
    paid(&paying.world, &ada, &invoice).await;
    for change in [
        "UPDATE payment_attempt SET outcome = 'declined'",
        "UPDATE payment_attempt SET amount_minor = 1",
        "DELETE FROM payment_attempt",
        "UPDATE payment SET amount_minor = 1",
        "DELETE FROM payment",
    ] {
        let refused = sqlx::query(change).execute(&paying.world.platform.pool).await.expect_err(change).to_string();
        assert!(refused.contains("is never changed"), "{change}: {refused}");
    }
}
