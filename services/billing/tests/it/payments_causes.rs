//! Tests of why a charge fails: what is the customer's, what is ours, and what no payment method can pay.

use crate::{
    payments_world::{
        Paying, TOTAL, attempts, customer_id, hasten, invoiced, invoiced_for, paid, payment, payment_when, put_off,
        set_method,
    },
    stripe::Fault,
};
use serde_json::{Value, json};
use test_support::eventually;

#[tokio::test]
async fn a_card_that_was_detached_is_declined_and_the_next_one_pays() {
    let paying = Paying::start().await;
    let ada = paying.world.customer().await;
    paying.set_method(&ada, "pm_card").await.expect(200);
    paying.stripe.detaches_all(&customer_id(&ada));
    let invoice = invoiced(&paying.world, &ada).await;
    let declined = |payment: &Value| attempts(payment) == [(1, "declined")] && payment["reminded_at"].is_string();
    let failed = payment_when(&paying.world, &ada, &invoice, "the attempt is declined", declined).await;
    assert_eq!(failed["attempts"][0]["code"], "payment_method");
    paying.set_method(&ada, "pm_card").await.expect(200);
    assert_eq!(attempts(&paid(&paying.world, &ada, &invoice).await)[0], (2, "succeeded"));
}

#[tokio::test]
async fn a_key_of_another_account_declines_nothing() {
    let paying = Paying::start().await;
    let ada = paying.world.customer().await;
    paying.set_method(&ada, "pm_card").await.expect(200);
    let is_of = async |account: &str| {
        let sql = "UPDATE payment_account SET account_id = $1";
        sqlx::query(sql).bind(account).execute(&paying.world.platform.pool).await.expect("another account");
    };
    let known: String = sqlx::query_scalar("SELECT account_id FROM payment_account WHERE NOT live")
        .fetch_one(&paying.world.platform.pool)
        .await
        .expect("the account");
    is_of("acct_before").await;
    let invoice = invoiced(&paying.world, &ada).await;
    put_off(&paying.world, &invoice, 1).await;
    assert_eq!(attempts(&payment(&paying.world, &ada, &invoice).await), [(1, "under way")]);
    assert_eq!(paying.stripe.orders().len(), 0);
    let setup = paying.world.server.post("/v1/payment-method-setups", &()).bearer(&ada.token).send().await;
    setup.problem(503, "unavailable");
    is_of(&known).await;
    hasten(&paying.world, &invoice).await;
    assert_eq!(attempts(&paid(&paying.world, &ada, &invoice).await), [(1, "succeeded")]);
}

#[tokio::test]
async fn what_became_of_an_attempt_is_found_when_the_customer_is_gone() {
    let paying = Paying::start().await;
    for (fault, expected) in [(Fault::ChargesAndBreaksOff, "succeeded"), (Fault::BreaksOff, "declined")] {
        paying.stripe.fails(&[fault]);
        let (ada, invoice) = paying.invoiced("pm_card").await;
        put_off(&paying.world, &invoice, 1).await;
        paying.stripe.forgets_customers();
        let before = paying.stripe.orders().len();
        hasten(&paying.world, &invoice).await;
        let ended = |payment: &Value| attempts(payment) == [(1, expected)];
        let payment = payment_when(&paying.world, &ada, &invoice, "the attempt has ended", ended).await;
        if expected == "succeeded" {
            assert_eq!((&payment["state"], paying.stripe.orders().len()), (&json!("paid"), before));
            continue;
        }
        // It had not arrived, and is sent under its key. Then the tenant gives another one, to another customer.
        assert_eq!(payment["attempts"][0]["code"], "resource_missing");
        assert_eq!(paying.stripe.orders().last().map(|order| order.key.clone()), Some(format!("{invoice}-1")));
        paying.set_method(&ada, "pm_card").await.expect(200);
        assert_eq!(attempts(&paid(&paying.world, &ada, &invoice).await)[0], (2, "succeeded"));
    }
}

#[tokio::test]
async fn what_stripe_takes_too_little_for_is_paid_by_bank_transfer() {
    let paying = Paying::start().await;
    let world = &paying.world;
    let (ada, eve) = (world.customer().await, world.customer().await);
    paying.set_method(&ada, "pm_card").await.expect(200);
    let invoice = invoiced_for(world, &ada, 3600, 38).await;
    let awaited = "SELECT count(*) FROM invoice_payment WHERE next_at = due_at AND dunned_from IS NULL";
    world.counted(awaited, 1).await;
    assert_eq!(attempts(&payment(world, &ada, &invoice).await), []);
    assert_eq!(paying.stripe.orders().len(), 0);

    // Stripe's minimum may be another one than we know.
    paying.stripe.fails(&[Fault::RefusesWith(
        r#"{"error": {"type": "invalid_request_error", "code": "amount_too_small", "param": "amount"}}"#,
    )]);
    paying.set_method(&eve, "pm_card").await.expect(200);
    let invoice = invoiced(world, &eve).await;
    world.counted(awaited, 2).await;
    paying.set_method(&eve, "pm_card").await.expect(200);
    world.counted(awaited, 2).await;
    let refused = payment(world, &eve, &invoice).await;
    assert_eq!((attempts(&refused), &refused["reminded_at"]), (vec![(1, "not_chargeable")], &Value::Null));
    assert_eq!(paying.stripe.orders().len(), 1);
}

#[tokio::test]
async fn an_answer_that_comes_after_the_event_plans_nothing() {
    let paying = Paying::start().await;
    let metrics = common::telemetry::metrics();
    paying.stripe.fails(&[Fault::DeclinesLate]);
    let (ada, invoice) = paying.invoiced("pm_declined").await;
    let intent = eventually("the charge is made", async || paying.stripe.intents().first().cloned()).await;
    assert!(paying.tells("payment_intent.payment_failed", &intent).await);
    let declined = |payment: &Value| attempts(payment) == [(1, "declined")];
    payment_when(&paying.world, &ada, &invoice, "the event has told it", declined).await;
    paying.stripe.lets_go();
    eventually("the late answer is dropped", async || {
        metrics.render().contains("payment_answers_late_total 1").then_some(())
    })
    .await;
    let planned = "SELECT count(*) FROM invoice_payment WHERE next_at = remind_at AND repeats = 0";
    assert_eq!(paying.world.count(planned).await, 1);
    assert_eq!(paying.stripe.orders().len(), 1);
}

#[tokio::test]
async fn only_what_a_method_has_failed_counts_against_it() {
    let paying = Paying::start().await;
    let world = &paying.world;
    // Twenty that were not made, or of another card, and then twenty of this one.
    for (outcome, of_this, expected) in [("not_made", true, 1), ("declined", false, 1), ("declined", true, 0)] {
        let ada = world.customer().await;
        let given = paying.gives(&ada, "pm_card").await;
        let invoice = invoiced(world, &ada).await;
        eventually("it is awaited", async || {
            (payment(world, &ada, &invoice).await["due_at"].is_string()).then_some(())
        })
        .await;
        let rows = "INSERT INTO payment_attempt (invoice_id, number, tenant_id, customer_id, method_id, amount_minor,
              currency, begun_at, outcome, ended_at)
            SELECT $1::uuid, n, $2, 'cus_1', $3, $4, 'EUR', now(), $5, now() FROM generate_series(1, 20) n";
        let method = if of_this { given.as_str() } else { "pm_before" };
        let pool = &world.platform.pool;
        let rows = sqlx::query(rows).bind(&invoice).bind(ada.tenant.0).bind(method).bind(TOTAL).bind(outcome);
        rows.execute(pool).await.expect("attempts");
        let counted = "UPDATE invoice_payment SET attempts = 20 WHERE invoice_id = $1::uuid";
        sqlx::query(counted).bind(&invoice).execute(pool).await.expect("counted");
        let before = paying.stripe.orders().len();
        set_method(world, &ada, &given, "*").await.expect(200);
        if expected == 1 {
            paid(world, &ada, &invoice).await;
        } else {
            eventually("it is awaited again", async || {
                let sql = "SELECT next_at = due_at FROM invoice_payment WHERE invoice_id = $1::uuid";
                let is_awaited: bool = sqlx::query_scalar(sql).bind(&invoice).fetch_one(pool).await.expect("a row");
                is_awaited.then_some(())
            })
            .await;
        }
        assert_eq!(paying.stripe.orders().len() - before, expected, "{outcome} {of_this}");
    }
}
