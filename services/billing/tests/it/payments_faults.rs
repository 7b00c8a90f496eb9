//! Tests of charges that go wrong: money is taken once, and nothing is used up that is nobody's fault.

use crate::{
    payments_world::{Paying, TOTAL, attempts, customer_id, hasten, invoiced, paid, payment, payment_when, put_off},
    stripe::Fault,
};
use serde_json::json;
use test_support::eventually;

#[tokio::test]
async fn the_same_attempt_is_repeated_until_its_outcome_is_known() {
    let paying = Paying::start().await;
    let faults = [Fault::Refuses(429), Fault::Refuses(500), Fault::Refuses(409), Fault::BreaksOff];
    paying.stripe.fails(&faults);
    let (ada, invoice) = paying.invoiced("pm_card4242").await;
    for repeats in 1..=4 {
        put_off(&paying.world, &invoice, repeats).await;
        assert_eq!(attempts(&payment(&paying.world, &ada, &invoice).await), [(1, "under way")]);
        hasten(&paying.world, &invoice).await;
    }
    let payment = paid(&paying.world, &ada, &invoice).await;
    assert_eq!((attempts(&payment), paying.stripe.charged()), (vec![(1, "succeeded")], 1));
    let keys: Vec<_> = paying.stripe.orders().into_iter().map(|order| order.key).collect();
    assert_eq!(keys, vec![format!("{invoice}-1"); 5]);
}

#[tokio::test]
async fn two_processes_charge_each_invoice_once() {
    let paying = Paying::start().await;
    let _second = paying.world.platform.run::<billing::Billing>(paying.world.settings.clone()).await;
    // Some are charged and not heard of, some repeated, all by whoever comes first.
    paying.stripe.fails(&[Fault::ChargesAndBreaksOff, Fault::Refuses(503), Fault::ChargesAndAnswers(500)]);
    let mut invoiced = Vec::new();
    for _ in 0..5 {
        invoiced.push(paying.invoiced("pm_card4242").await);
    }
    for (ada, invoice) in &invoiced {
        eventually("the invoice is paid", async || {
            // Several collectors are woken for the same invoice.
            let sql =
                "UPDATE invoice_payment SET next_at = least(next_at, now()) WHERE repeats > 0 AND next_at > now()";
            sqlx::query(sql).execute(&paying.world.platform.pool).await.expect("making due");
            (payment(&paying.world, ada, invoice).await["state"] == "paid").then_some(())
        })
        .await;
    }
    assert_eq!((paying.stripe.charged(), paying.stripe.intents().len()), (5, 5));
    assert_eq!(paying.world.count("SELECT count(*) FROM payment").await, 5);
    assert_eq!(paying.world.count("SELECT count(*) FROM payment_attempt").await, 5);
}

#[tokio::test]
async fn money_that_was_taken_without_an_answer_is_taken_once() {
    for fault in [Fault::ChargesAndBreaksOff, Fault::ChargesAndAnswers(500)] {
        let paying = Paying::start().await;
        paying.stripe.fails(&[fault]);
        let (ada, invoice) = paying.invoiced("pm_card4242").await;
        put_off(&paying.world, &invoice, 1).await;
        hasten(&paying.world, &invoice).await;
        let payment = paid(&paying.world, &ada, &invoice).await;
        assert_eq!((attempts(&payment), paying.stripe.charged()), (vec![(1, "succeeded")], 1), "{fault:?}");
    }
}

#[tokio::test]
async fn a_key_that_is_not_taken_uses_up_nothing_and_no_transfer_comes_in_between() {
    let paying = Paying::start().await;
    let ada = paying.world.customer().await;
    paying.set_method(&ada, "pm_card4242").await.expect(200);
    paying.stripe.locks_out(true);
    let invoice = invoiced(&paying.world, &ada).await;
    put_off(&paying.world, &invoice, 1).await;
    let transfer = json!({"reference": "line 7", "amount_minor": TOTAL, "currency": "EUR"});
    let path = format!("/v1/invoices/{invoice}/payments");
    let record = paying.world.server.post(&path, &transfer).bearer(&ada.token);
    record.send().await.problem(409, "payment_under_way");
    paying.stripe.locks_out(false);
    hasten(&paying.world, &invoice).await;
    assert_eq!(attempts(&paid(&paying.world, &ada, &invoice).await), [(1, "succeeded")]);
}

#[tokio::test]
async fn a_key_that_stripe_may_have_forgotten_is_not_sent_again() {
    let paying = Paying::start().await;
    let long_ago = async |invoice: &str| {
        let pool = &paying.world.platform.pool;
        let mut tx = pool.begin().await.unwrap();
        // The database keeps what an attempt was begun with; a test goes round that.
        sqlx::query("SET LOCAL session_replication_role = replica").execute(&mut *tx).await.unwrap();
        let sql = "UPDATE payment_attempt SET begun_at = begun_at - interval '21 hours' WHERE invoice_id = $1::uuid";
        sqlx::query(sql).bind(invoice).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    };
    // Nothing has arrived: a new attempt follows, under another key.
    paying.stripe.fails(&[Fault::BreaksOff]);
    let (ada, invoice) = paying.invoiced("pm_card4242").await;
    put_off(&paying.world, &invoice, 1).await;
    long_ago(&invoice).await;
    hasten(&paying.world, &invoice).await;
    let ended = |payment: &serde_json::Value| attempts(payment) == [(1, "not_made")];
    payment_when(&paying.world, &ada, &invoice, "the attempt is given up", ended).await;
    hasten(&paying.world, &invoice).await;
    let payment = paid(&paying.world, &ada, &invoice).await;
    assert_eq!(attempts(&payment), [(2, "succeeded"), (1, "not_made")]);
    assert_eq!(paying.stripe.charged(), 1);

    // It has arrived, and others after it: it is found among them.
    paying.stripe.fails(&[Fault::BreaksOff]);
    let (eve, invoice) = paying.invoiced("pm_card4242").await;
    put_off(&paying.world, &invoice, 1).await;
    long_ago(&invoice).await;
    paying.stripe.made_before(&customer_id(&eve), TOTAL, &invoice, 1);
    for other in 0..4 {
        paying.stripe.made_before(&customer_id(&eve), 1, &paying.world.platform.tenant().to_string(), other);
    }
    hasten(&paying.world, &invoice).await;
    let payment = paid(&paying.world, &eve, &invoice).await;
    assert_eq!(attempts(&payment), [(1, "succeeded")]);
    assert_eq!(payment["payments"][0]["amount_minor"], TOTAL);
}
