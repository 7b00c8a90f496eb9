//! Tests of adjustments: discounts, coupons, minimum spends and credits, in their order and to the cent.

use crate::{
    payments_world::Heard,
    world::{Customer, World},
};
use chrono::{DateTime, Duration, SecondsFormat, Utc};
use contracts::messages::SendMail;
use serde_json::{Value, json};

impl World {
    pub async fn grant(&self, ada: &Customer, what: &str, body: &Value) -> Value {
        let path = format!("/v1/tenants/{}/{what}", ada.tenant);
        self.server.post(&path, body).bearer(&ada.token).repeated().await.expect(201)
    }

    /// All of them, as an operator sees them, one by one as well.
    async fn granted(&self, ada: &Customer, what: &str) -> Value {
        let path = format!("/v1/tenants/{}/{what}", ada.tenant);
        let granted = self.get(&ada.token, &path).await["items"].clone();
        for one in granted.as_array().unwrap() {
            assert_eq!(self.get(&ada.token, &format!("{path}/{}", one["id"].as_str().unwrap())).await, *one);
        }
        granted
    }

    /// An hour of the forum and 200 posts: 136 cents.
    async fn used(&self) -> Customer {
        let ada = self.customer().await;
        let posts = self.posts(&ada, "posts:1", 200, 10);
        for envelope in [self.enabled(&ada, "forum", 0), self.disabled(&ada, "forum", 3600), posts] {
            self.say(&envelope).await;
        }
        self.features(&ada, &[("forum", 0, Some(3600))]).await;
        self.metered(&ada, "200").await;
        ada
    }

    /// The invoice of the cycle that is open now.
    async fn bill(&self, ada: &Customer) -> Value {
        let cycle = self.open_cycle(ada.tenant, &ada.token).await;
        self.close(ada, &cycle).await
    }

    pub async fn balances(&self, ada: &Customer) -> Vec<i64> {
        let credits = self.get(&ada.token, "/v1/credits").await;
        let credits = credits["items"].as_array().unwrap().iter();
        credits.map(|credit| credit["balance_minor"].as_i64().unwrap()).collect()
    }
}

/// Kind, base and amount of each adjustment, and the total.
fn adjusted(invoice: &Value) -> (Vec<(&str, i64, i64)>, i64) {
    let number = |value: &Value| value.as_i64().unwrap();
    let adjustments = invoice["adjustments"].as_array().unwrap().iter();
    let adjustments: Vec<_> = adjustments
        .map(|one| (one["kind"].as_str().unwrap(), number(&one["base_minor"]), number(&one["amount_minor"])))
        .collect();
    let sum: i64 = adjustments.iter().map(|(_, _, amount)| amount).sum();
    assert_eq!(number(&invoice["subtotal_minor"]) + sum, number(&invoice["total_minor"]));
    (adjustments, number(&invoice["total_minor"]))
}

fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[tokio::test]
async fn discounts_come_in_their_order_and_what_is_late_has_them_too() {
    let world = World::start().await;
    world.publish_forum().await;
    let ada = world.used().await;
    world.grant(&ada, "discounts", &json!({"title": "Partner", "percent": "10"})).await;
    let fixed = json!({"title": "Start", "service": "forum", "amount_minor": 30, "currency": "EUR"});
    world.grant(&ada, "discounts", &fixed).await;
    sqlx::query("INSERT INTO plan (id, name, service, title) VALUES (gen_random_uuid(), 'pdf', 'pdf', 'PDF')")
        .execute(&world.platform.pool)
        .await
        .unwrap();
    let elsewhere = json!({"title": "PDF", "service": "pdf", "percent": "100"});
    world.grant(&ada, "discounts", &elsewhere).await;

    let preview = world.server.post("/v1/invoice-previews", &json!({"features": []})).bearer(&ada.token).send().await;
    let first = world.bill(&ada).await;
    assert_eq!(adjusted(&first), (vec![("discount", 136, -30), ("discount", 106, -11)], 95));
    assert_eq!(adjusted(&preview.expect(200)), adjusted(&first));

    // 200 more posts of the same cycle: all of it together has 30 and 10 % of 206 less.
    world.say(&world.posts(&ada, "posts:2", 200, 20)).await;
    world.metered(&ada, "200").await;
    let second = world.bill(&ada).await;
    assert_eq!(adjusted(&second), (vec![("discount", 206, -10)], 90));
    assert_eq!(second["adjustments"][0]["before_minor"], -11);
    assert_eq!(second["adjustments"][0]["title"], "Partner");
    assert_eq!(second["adjustments"][0]["period_end"], first["period_end"]);
    assert_eq!(adjusted(&world.bill(&ada).await), (vec![], 0));
}

#[tokio::test]
async fn a_discount_ends_and_has_its_cycles() {
    let world = World::start().await;
    world.publish_forum().await;
    let ada = world.used().await;
    world.grant(&ada, "discounts", &json!({"title": "Once", "percent": "50", "cycles": 1})).await;
    let ended = world.grant(&ada, "discounts", &json!({"title": "Never", "percent": "50"})).await;
    let path = format!("/v1/tenants/{}/discounts/{}", ada.tenant, ended["id"].as_str().unwrap());
    world.server.delete(&path).bearer(&ada.token).send().await.expect(204);
    assert_eq!(adjusted(&world.bill(&ada).await), (vec![("discount", 136, -68)], 68));

    let now = world.platform.ambient.now();
    world.say(&world.posts_at(&ada, "posts:2", 200, now)).await;
    world.say(&world.posts(&ada, "posts:3", 2, 30)).await;
    world.metered(&ada, "202").await;
    // The second cycle has none; what is late to the first has it still.
    assert_eq!(adjusted(&world.bill(&ada).await), (vec![("discount", 137, -1)], 100));
}

#[tokio::test]
async fn a_coupon_is_redeemed_once_a_tenant_and_as_often_as_it_says() {
    let world = World::start().await;
    world.publish_forum().await;
    let (ada, bob, eve) = (world.used().await, world.customer().await, world.customer().await);
    let coupon = json!({"code": "SPRING-2027", "title": "Spring", "percent": "25", "most_redemptions": 2});
    let made = world.server.post("/v1/coupons", &coupon).bearer(&ada.token).repeated().await.expect(201);
    world.server.post("/v1/coupons", &coupon).bearer(&ada.token).send().await.problem(409, "coupon_taken");
    let redeem = async |who: &Customer, code: &str| {
        world.server.post("/v1/coupon-redemptions", &json!({"code": code})).bearer(&who.token).send().await
    };
    assert_eq!(redeem(&ada, "spring-2027").await.expect(201)["coupon_id"], made["id"]);
    redeem(&ada, "SPRING-2027").await.problem(409, "coupon_redeemed");
    redeem(&bob, "SPRING-2027").await.expect(201);
    redeem(&eve, "SPRING-2027").await.problem(404, "coupon_not_found");
    redeem(&eve, "SPRING-2028").await.problem(404, "coupon_not_found");
    assert_eq!(world.get(&ada.token, "/v1/coupons").await["items"][0]["redemptions"], 2);
    assert_eq!(adjusted(&world.bill(&ada).await), (vec![("discount", 136, -34)], 102));
    let redeemed = world.get(&ada.token, "/v1/discounts").await["items"].clone();
    assert_eq!((redeemed.as_array().unwrap().len(), &redeemed), (1, &world.granted(&ada, "discounts").await));
    let own = format!("/v1/discounts/{}", redeemed[0]["id"].as_str().unwrap());
    assert_eq!(world.get(&ada.token, &own).await, redeemed[0]);
    world.server.get(&own).bearer(&bob.token).send().await.problem(404, "discount_not_found");
    let coupon = world.get(&ada.token, &format!("/v1/coupons/{}", made["id"].as_str().unwrap())).await;
    assert_eq!((&coupon["code"], &coupon["redemptions"]), (&made["code"], &2.into()));

    let other = json!({"code": "AUTUMN-2027", "title": "Autumn", "percent": "25"});
    let other = world.server.post("/v1/coupons", &other).bearer(&ada.token).send().await.expect(201);
    let path = format!("/v1/coupons/{}", other["id"].as_str().unwrap());
    world.server.delete(&path).bearer(&ada.token).send().await.expect(204);
    redeem(&eve, "AUTUMN-2027").await.problem(404, "coupon_not_found");
}

#[tokio::test]
async fn codes_are_not_guessed() {
    let (world, ada) = World::with_customer().await;
    let redeem = async |number: u32| {
        let body = json!({"code": format!("GUESS-{number:04}")});
        world.server.post("/v1/coupon-redemptions", &body).bearer(&ada.token).send().await
    };
    for number in 0..20 {
        redeem(number).await.problem(404, "coupon_not_found");
    }
    redeem(20).await.problem(429, "too_many_requests");
}

#[tokio::test]
async fn credits_pay_and_the_soonest_to_expire_first() {
    let world = World::start().await;
    world.publish_forum().await;
    let ada = world.used().await;
    let later = text(world.platform.ambient.now() + Duration::days(900));
    let soon = text(world.platform.ambient.now() + Duration::days(600));
    let credit = |amount: i64| json!({"title": "Outage", "amount_minor": amount, "currency": "EUR"});
    let until = |mut credit: Value, end: &str| {
        credit["expires_at"] = end.into();
        credit
    };
    let revoked = world.grant(&ada, "credits", &credit(1000)).await;
    let path = format!("/v1/tenants/{}/credits/{}", ada.tenant, revoked["id"].as_str().unwrap());
    world.server.delete(&path).bearer(&ada.token).send().await.expect(204);
    world.grant(&ada, "credits", &credit(500)).await;
    world.grant(&ada, "credits", &until(credit(100), &later)).await;
    world.grant(&ada, "credits", &until(credit(20), &soon)).await;
    let invoice = world.bill(&ada).await;
    assert_eq!(adjusted(&invoice), (vec![("credit", 136, -20), ("credit", 116, -100), ("credit", 16, -16)], 0));
    assert_eq!(world.balances(&ada).await, [1000, 484, 0, 0]);
    assert_eq!(world.granted(&ada, "credits").await, world.get(&ada.token, "/v1/credits").await["items"]);
}

#[tokio::test]
async fn an_invoice_of_less_than_nothing_leaves_a_credit() {
    let world = World::start().await;
    world.publish_forum().await;
    let ada = world.customer_with_forum().await;
    let first = world.bill(&ada).await;
    let billed = first["total_minor"].as_i64().unwrap();
    assert!(billed >= 48 * 36);
    // It was on for an hour, as becomes known now.
    world.say(&world.disabled(&ada, "forum", 3600)).await;
    world.features(&ada, &[("forum", 0, Some(3600))]).await;
    let second = world.bill(&ada).await;
    assert_eq!(adjusted(&second), (vec![("carry_forward", 36 - billed, billed - 36)], 0));
    assert_eq!(world.balances(&ada).await, [billed - 36]);

    world.say(&world.posts(&ada, "posts:1", 20, 10)).await;
    world.metered(&ada, "20").await;
    assert_eq!(adjusted(&world.bill(&ada).await), (vec![("credit", 10, -10)], 0));
    assert_eq!(world.balances(&ada).await, [billed - 46]);
}

#[tokio::test]
async fn a_cycle_costs_at_least_what_was_agreed_on() {
    let world = World::start().await;
    world.publish_forum().await;
    let ada = world.used().await;
    let path = format!("/v1/tenants/{}/minimum-spends", ada.tenant);
    let agree = async |amount: i64| {
        let body = json!({"amount_minor": amount, "currency": "EUR"});
        world.server.post(&path, &body).bearer(&ada.token).send().await.expect(200)
    };
    agree(1000).await;
    let agreed = agree(500).await;
    assert_eq!(agreed["items"].as_array().unwrap().len(), 1);
    // The cycle that runs has none.
    assert_eq!(adjusted(&world.bill(&ada).await), (vec![], 136));
    world.grant(&ada, "discounts", &json!({"title": "Partner", "percent": "50"})).await;
    let sooner = "UPDATE minimum_spend SET begin_at = (SELECT max(start_at) FROM cycle WHERE tenant_id = $1)";
    sqlx::query(sooner).bind(ada.tenant.0).execute(&world.platform.pool).await.expect("an earlier minimum");
    let now = world.platform.ambient.now();
    world.say(&world.posts_at(&ada, "posts:2", 200, now)).await;
    world.metered(&ada, "200").await;
    let second = world.bill(&ada).await;
    assert_eq!(adjusted(&second), (vec![("discount", 100, -50), ("minimum_spend", 50, 450)], 500));
    // What comes late to it was paid for.
    world.say(&world.posts_at(&ada, "posts:3", 400, now)).await;
    world.metered(&ada, "400").await;
    agree(0).await;
    let third = world.bill(&ada).await;
    let expected = vec![("discount", 300, -100), ("minimum_spend", 150, -100), ("minimum_spend", 0, 500)];
    assert_eq!(adjusted(&third), (expected, 500));
    assert_eq!(world.get(&ada.token, "/v1/minimum-spends").await["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_invoice_of_a_minimum_alone_is_mailed() {
    let world = World::start().await;
    let mut heard = Heard::listen(&world).await;
    let ada = world.customer().await;
    let path = format!("/v1/tenants/{}/minimum-spends", ada.tenant);
    let minimum = json!({"amount_minor": 500, "currency": "EUR"});
    world.server.post(&path, &minimum).bearer(&ada.token).send().await.expect(200);
    let sooner = "UPDATE minimum_spend SET begin_at = (SELECT max(start_at) FROM cycle WHERE tenant_id = $1)";
    sqlx::query(sooner).bind(ada.tenant.0).execute(&world.platform.pool).await.expect("an earlier minimum");
    let invoice = world.bill(&ada).await;
    assert_eq!(adjusted(&invoice), (vec![("minimum_spend", 0, 500)], 500));
    let of_invoice = |mail: &SendMail| mail.key == format!("invoice:{}", invoice["id"].as_str().unwrap());
    let mails = heard.of::<SendMail>(&world, 1, of_invoice).await;
    let said = mails[0].mail.variables().unwrap();
    assert_eq!((&said["total"], &said["lines"][0]["amount"]), (&"5.00".into(), &"5.00".into()));
}

#[tokio::test]
async fn bad_input_changes_nothing() {
    let (world, ada) = World::with_customer().await;
    let past = text(world.start);
    let of_tenant = |what: &str| format!("/v1/tenants/{}/{what}", ada.tenant);
    for (path, body) in [
        (of_tenant("discounts"), json!({"title": "x"})),
        (of_tenant("discounts"), json!({"title": "x", "percent": "1", "ends_at": "2037-01-01T00:00:00Z"})),
        (of_tenant("discounts"), json!({"title": "\u{200b}", "percent": "1"})),
        (of_tenant("discounts"), json!({"title": "x", "percent": "0"})),
        (of_tenant("discounts"), json!({"title": "x", "percent": "100.0001"})),
        (of_tenant("discounts"), json!({"title": "x", "percent": "1.00001"})),
        (of_tenant("discounts"), json!({"title": "", "percent": "1"})),
        (of_tenant("discounts"), json!({"title": "a\nb", "percent": "1"})),
        (of_tenant("discounts"), json!({"title": "x", "percent": "1", "amount_minor": 1, "currency": "EUR"})),
        (of_tenant("discounts"), json!({"title": "x", "amount_minor": 1})),
        (of_tenant("discounts"), json!({"title": "x", "amount_minor": 1, "currency": "USD"})),
        (of_tenant("discounts"), json!({"title": "x", "amount_minor": 1, "currency": "euro"})),
        (of_tenant("discounts"), json!({"title": "x", "percent": "1", "cycles": 0})),
        (of_tenant("discounts"), json!({"title": "x", "percent": "1", "service": "../x"})),
        (of_tenant("discounts"), json!({"title": "x", "percent": "1", "service": "nobodys"})),
        ("/v1/coupons".into(), json!({"code": "LONG-ENOUGH", "title": "x", "percent": "1", "service": "nobodys"})),
        (of_tenant("discounts"), json!({"title": "x", "percent": "1", "end_at": past})),
        (of_tenant("credits"), json!({"title": "x", "amount_minor": 0, "currency": "EUR"})),
        (of_tenant("credits"), json!({"title": "x", "amount_minor": 1, "currency": "USD"})),
        (of_tenant("credits"), json!({"title": "x", "amount_minor": i64::MAX, "currency": "EUR"})),
        (of_tenant("credits"), json!({"title": "x", "amount_minor": 1, "currency": "EUR", "expires_at": past})),
        (of_tenant("minimum-spends"), json!({"amount_minor": -1, "currency": "EUR"})),
        (of_tenant("minimum-spends"), json!({"amount_minor": 1, "currency": "USD"})),
        ("/v1/coupons".into(), json!({"code": "LONG-ENOUGH", "title": "x", "percent": "1", "cycle": 1})),
        ("/v1/coupons".into(), json!({"code": "short", "title": "x", "percent": "1"})),
        ("/v1/coupons".into(), json!({"code": "LONG-ENOUGH", "title": "x", "percent": "1", "most_redemptions": 0})),
        ("/v1/coupons".into(), json!({"code": "LONG-ENOUGH", "title": "x", "percent": "1", "redeem_until": past})),
    ] {
        let answer = world.server.post(&path, &body).bearer(&ada.token).send().await;
        answer.problem(422, "invalid");
    }
    let nobody = world.platform.tenant();
    for (what, body) in [
        ("discounts", json!({"title": "x", "percent": "1"})),
        ("credits", json!({"title": "x", "amount_minor": 1, "currency": "EUR"})),
        ("minimum-spends", json!({"amount_minor": 1, "currency": "EUR"})),
    ] {
        let path = format!("/v1/tenants/{nobody}/{what}");
        world.server.post(&path, &body).bearer(&ada.token).send().await.problem(404, "account_not_found");
    }
    for what in ["discounts", "credits"] {
        let path = of_tenant(&format!("{what}/{nobody}"));
        let code = format!("{}_not_found", what.trim_end_matches('s'));
        world.server.delete(&path).bearer(&ada.token).send().await.problem(404, &code);
        assert_eq!(world.get(&ada.token, &format!("/v1/{what}")).await["items"], json!([]));
    }
    let path = format!("/v1/coupons/{nobody}");
    world.server.delete(&path).bearer(&ada.token).send().await.problem(404, "coupon_not_found");
}

#[tokio::test]
async fn a_tenant_has_so_many_and_no_more() {
    let (world, ada) = World::with_customer().await;
    let discount = json!({"title": "x", "percent": "1"});
    let path = format!("/v1/tenants/{}/discounts", ada.tenant);
    for _ in 0..20 {
        world.server.post(&path, &discount).bearer(&ada.token).send().await.expect(201);
    }
    world.server.post(&path, &discount).bearer(&ada.token).send().await.problem(409, "too_many_discounts");
    let credit = json!({"title": "x", "amount_minor": 1, "currency": "EUR"});
    let path = format!("/v1/tenants/{}/credits", ada.tenant);
    for _ in 0..100 {
        world.server.post(&path, &credit).bearer(&ada.token).send().await.expect(201);
    }
    world.server.post(&path, &credit).bearer(&ada.token).send().await.problem(409, "too_many_credits");
}

#[tokio::test]
async fn what_is_used_up_counts_no_more() {
    let world = World::start().await;
    world.publish_forum().await;
    let ada = world.used().await;
    let once = json!({"title": "Once", "amount_minor": 1, "currency": "EUR", "cycles": 1});
    let discounts = format!("/v1/tenants/{}/discounts", ada.tenant);
    let cent = json!({"title": "A cent", "amount_minor": 1, "currency": "EUR"});
    let credits = format!("/v1/tenants/{}/credits", ada.tenant);
    let give = async |path: &str, body: &Value, many: usize| {
        for _ in 0..many {
            world.server.post(path, body).bearer(&ada.token).send().await.expect(201);
        }
    };
    give(&discounts, &once, 20).await;
    give(&credits, &cent, 100).await;
    assert_eq!(adjusted(&world.bill(&ada).await).1, 136 - 20 - 100);
    give(&discounts, &once, 20).await;
    give(&credits, &cent, 100).await;
}
