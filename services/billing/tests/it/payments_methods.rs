//! Tests of payment methods: a tenant pays by what was given for it, and by nothing else.

use crate::payments_world::{Paying, attempts, customer_id, invoiced, payment, set_method};
use serde_json::json;
use test_support::eventually;

#[tokio::test]
async fn a_payment_method_counts_only_if_it_was_given_for_the_tenant() {
    let paying = Paying::start().await;
    let (world, stripe) = (&paying.world, &paying.stripe);
    let (ada, eve) = (world.customer().await, world.customer().await);
    let none = world.server.get("/v1/payment-method").bearer(&ada.token).send().await;
    assert_eq!((none.header("etag"), &none.json), (Some("\"0\""), &json!({})));
    let (adas, eves) = (paying.gives(&ada, "pm_card").await, paying.gives(&eve, "pm_card").await);
    stripe.attaches("pm_elsewhere", "cus_elsewhere");
    for (thief, stolen) in [(&eve, &adas), (&ada, &eves), (&ada, &"pm_elsewhere".into()), (&ada, &"pm_none".into())] {
        set_method(world, thief, stolen, "*").await.invalid(&["payment_method_id"]);
    }
    set_method(world, &ada, "4242424242424242", "*").await.invalid(&["payment_method_id"]);
    assert!(!stripe.asked().iter().any(|asked| asked.contains("4242")), "a card number goes nowhere");
    // A customer is only the tenant's own if it says so itself.
    let is = async |customer: &str| {
        let sql = "UPDATE payment_method SET customer_id = $2 WHERE tenant_id = $1";
        sqlx::query(sql).bind(ada.tenant.0).bind(customer).execute(&world.platform.pool).await.expect("a customer");
    };
    is("cus_elsewhere").await;
    set_method(world, &ada, "pm_elsewhere", "*").await.invalid(&["payment_method_id"]);
    is(&customer_id(&ada)).await;
    let stranger = world.platform.user(world.platform.tenant(), &["billing.writePaymentMethod"]).await;
    let body = json!({"payment_method_id": adas});
    let none = world.server.put("/v1/payment-method", &body).bearer(&stranger.token).header("if-match", "*");
    none.send().await.invalid(&["payment_method_id"]);

    set_method(world, &ada, &adas, "\"1\"").await.problem(412, "payment_method_edited");
    let kept = set_method(world, &ada, &adas, "\"0\"").await;
    let shown = |id: &str| json!(format!("{}_…{}", id.split_once('_').unwrap().0, &id[id.len() - 4..]));
    assert_eq!((kept.status, kept.header("etag")), (200, Some("\"1\"")));
    assert_eq!(kept.json["customer_id"], shown(&customer_id(&ada)));
    assert_eq!(kept.json["payment_method_id"], shown(&adas));
    let read = world.server.get("/v1/payment-method").bearer(&ada.token).send().await;
    assert_eq!((read.header("etag"), &read.json), (Some("\"1\""), &kept.json));
    set_method(world, &ada, &adas, "\"0\"").await.problem(412, "payment_method_edited");
}

#[tokio::test]
async fn each_tenant_has_one_customer_and_another_one_if_stripe_has_it_no_more() {
    let paying = Paying::start().await;
    let ada = paying.world.customer().await;
    tokio::join!(paying.gives(&ada, "pm_card"), paying.gives(&ada, "pm_card"));
    let keys = || paying.stripe.customers().into_keys().collect::<Vec<_>>();
    let key = |number: i32| format!("customer-{}-{number}", ada.tenant);
    assert_eq!(keys(), [key(1)]);
    assert_eq!(paying.stripe.customers()[&key(1)]["metadata"]["tenant_id"], ada.tenant.to_string());
    paying.set_method(&ada, "pm_card").await.expect(200);
    paying.stripe.forgets_customers();
    paying.set_method(&ada, "pm_card").await.expect(200);
    assert_eq!(keys(), [key(2)]);
    let secret = paying.world.server.post("/v1/payment-method-setups", &()).bearer(&ada.token).send().await;
    assert_eq!(secret.header("cache-control"), Some("no-store"));
    let stranger = paying.world.platform.user(paying.world.platform.tenant(), &["billing.writePaymentMethod"]).await;
    let none = paying.world.server.post("/v1/payment-method-setups", &()).bearer(&stranger.token).send().await;
    none.problem(409, "no_account");
    assert_eq!(keys(), [key(2)]);
}

#[tokio::test]
async fn while_stripe_gives_no_answer_nothing_changes() {
    let paying = Paying::start().await;
    let ada = paying.world.customer().await;
    let given = paying.gives(&ada, "pm_card").await;
    let setup = async || paying.world.server.post("/v1/payment-method-setups", &()).bearer(&ada.token).send().await;
    paying.stripe.locks_out(true);
    for answer in [set_method(&paying.world, &ada, &given, "*").await, setup().await] {
        assert!(answer.header("retry-after").is_some());
        answer.problem(503, "unavailable");
    }
    assert_eq!(paying.world.count("SELECT count(*) FROM payment_method WHERE method_id IS NOT NULL").await, 0);
    paying.stripe.locks_out(false);
    set_method(&paying.world, &ada, &given, "\"0\"").await.expect(200);
    // One was begun before; what Stripe did not answer does not count.
    for _ in 1..20 {
        setup().await.expect(200);
    }
    setup().await.problem(429, "too_many_requests");
}

#[tokio::test]
async fn a_method_that_is_removed_is_charged_no_more_and_detached_at_stripe() {
    let paying = Paying::start().await;
    let (world, ada) = (&paying.world, paying.world.customer().await);
    let remove = async |read: &str| {
        world.server.delete("/v1/payment-method").bearer(&ada.token).header("if-match", read).send().await
    };
    remove("*").await.expect(204);
    let given = paying.gives(&ada, "pm_card").await;
    set_method(world, &ada, &given, "*").await.expect(200);
    world.server.delete("/v1/payment-method").bearer(&ada.token).send().await.problem(428, "if_match_missing");
    remove("\"0\"").await.problem(412, "payment_method_edited");
    assert!(paying.stripe.is_attached(&given));

    paying.stripe.locks_out(true);
    remove("\"1\"").await.expect(204);
    let shown = world.server.get("/v1/payment-method").bearer(&ada.token).send().await;
    assert_eq!((shown.header("etag"), &shown.json), (Some("\"2\""), &json!({})));
    world
        .counted(
            "SELECT count(*) FROM payment_method_detachment WHERE tries > 0 AND next_at < now() + interval '1 minute'",
            1,
        )
        .await;
    paying.stripe.locks_out(false);
    // It is not the tenant's any more, whatever Stripe still says.
    assert!(paying.stripe.is_attached(&given));
    set_method(world, &ada, &given, "*").await.invalid(&["payment_method_id"]);
    remove("*").await.expect(204);
    let due = "UPDATE payment_method_detachment SET next_at = now()";
    sqlx::query(due).execute(&world.platform.pool).await.expect("making due");
    // Whatever is set wakes a collector.
    paying.set_method(&world.customer().await, "pm_card").await.expect(200);
    eventually("it is detached", async || (!paying.stripe.is_attached(&given)).then_some(())).await;
    world.counted("SELECT count(*) FROM payment_method_detachment", 0).await;
    set_method(world, &ada, &given, "*").await.invalid(&["payment_method_id"]);

    let invoice = invoiced(world, &ada).await;
    world.counted("SELECT count(*) FROM invoice_payment WHERE next_at = due_at", 1).await;
    assert_eq!(attempts(&payment(world, &ada, &invoice).await), []);
    assert_eq!(paying.stripe.orders().len(), 0);
}
