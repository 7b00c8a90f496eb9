//! Tests of plans: what is published holds for those who agreed on it, from when they did, by every charge model.

use crate::{
    closing::{explain, summary},
    world::{Customer, World},
};
use serde_json::{Value, json};

/// A version of the forum's plan for teams.
fn team(version: &str, rates: &[Value]) -> Value {
    json!({"name": "forum:team", "service": "forum", "title": "Forum for teams", "version": version, "rates": rates})
}

pub fn posts(aggregation: &str, charge: &Value) -> Value {
    json!({"kind": "meter", "name": "forum.posts", "title": "Posts", "unit": "post", "aggregation": aggregation,
        "charge": charge, "currency": "EUR"})
}

fn hours(price: &str, minimum_seconds: u32) -> Value {
    json!({"kind": "feature", "name": "forum", "title": "Forum", "unit": "hour", "currency": "EUR",
        "charge": {"model": "per_hour", "price": price, "minimum_seconds": minimum_seconds}})
}

/// Ten are free, then 10 cents each up to 20, and 5 cents each beyond.
fn tiers() -> Value {
    json!({"model": "graduated", "included": "10", "tiers": [{"up_to": "20", "price": "0.10"}, {"price": "0.05"}]})
}

impl World {
    async fn publish(&self, ada: &Customer, plan: &Value, status: u16) -> Value {
        self.server.post("/v1/plans", plan).bearer(&ada.token).repeated().await.expect(status)
    }

    async fn pay_by(&self, ada: &Customer, plan: &str, version: &str, when: &str) -> Value {
        let path = format!("/v1/tenants/{}/subscriptions", ada.tenant);
        let change = json!({"service": "forum", "plan": plan, "version": version, "when": when});
        self.server.post(&path, &change).bearer(&ada.token).send().await.expect(200)
    }

    /// A customer who pays by this version of the forum's plan for teams, and whose forum is on.
    pub async fn team(&self, rates: &[Value]) -> Customer {
        let ada = self.customer().await;
        // The very same may have been published for another one.
        self.server.post("/v1/plans", &team("1", rates)).bearer(&ada.token).send().await;
        self.pay_by(&ada, "forum:team", "1", "now").await;
        self.say(&self.enabled(&ada, "forum", 0)).await;
        self.features(&ada, &[("forum", 0, None)]).await;
        ada
    }
}

/// Quantity, amount and kind of the posts' lines.
fn of_posts(invoice: &Value) -> Vec<(&str, i64, &str)> {
    let lines = invoice["lines"].as_array().unwrap().iter().filter(|line| line["name"] == "forum.posts");
    lines
        .map(|line| {
            let text = |field: &str| line[field].as_str().unwrap();
            (text("quantity"), line["amount_minor"].as_i64().unwrap(), text("kind"))
        })
        .collect()
}

#[tokio::test]
async fn late_usage_costs_what_the_whole_costs_more_right_across_tiers() {
    let world = World::start().await;
    let ada = world.team(&[posts("sum", &tiers())]).await;
    world.say(&world.posts(&ada, "a", 25, 10)).await;
    world.metered(&ada, "25").await;
    let invoice = world.close(&ada, &ada.cycle).await;
    assert_eq!(of_posts(&invoice), [("25", 150, "usage")]);
    explain(&world, &ada, &invoice).await;

    // 20 more of the same time: 5 in the first tier, 15 in the second; together 35 beyond the free ones, 2.75.
    let next = world.open_cycle(ada.tenant, &ada.token).await;
    world.say(&world.posts(&ada, "b", 20, 20)).await;
    world.metered(&ada, "20").await;
    let second = world.close(&ada, &next).await;
    assert_eq!(of_posts(&second), [("20", 125, "correction")]);
    let line = &second["lines"][0];
    assert_eq!(
        (&line["used_before"], &line["used_after"], &line["period_end"]),
        (&"25".into(), &"45".into(), &invoice["period_end"])
    );
    explain(&world, &ada, &second).await;
    explain(&world, &ada, &invoice).await;
}

#[tokio::test]
async fn meters_count_add_up_or_take_the_largest_or_the_last() {
    for (aggregation, first, late) in [("count", 300, 100), ("max", 900, 0), ("last", 200, 300), ("sum", 1_600, 500)] {
        let world = World::start().await;
        let ada = world.team(&[posts(aggregation, &json!({"model": "per_unit", "price": "1"}))]).await;
        for (key, quantity, second) in [("a", 5, 10), ("b", 9, 20), ("c", 2, 30)] {
            world.say(&world.posts(&ada, key, quantity, second)).await;
        }
        world.metered(&ada, "16").await;
        let invoice = world.close(&ada, &ada.cycle).await;
        assert_eq!(of_posts(&invoice)[0].1, first, "{aggregation}");
        explain(&world, &ada, &invoice).await;

        let next = world.open_cycle(ada.tenant, &ada.token).await;
        world.say(&world.posts(&ada, "d", 5, 40)).await;
        world.metered(&ada, "5").await;
        let second = world.close(&ada, &next).await;
        assert_eq!((of_posts(&second)[0].1, of_posts(&second)[0].2), (late, "correction"), "{aggregation}");
        explain(&world, &ada, &second).await;
    }
}

#[tokio::test]
async fn an_interval_has_a_minimum_and_its_late_end_corrects_the_cycle_it_was_in() {
    let world = World::start().await;
    let ada = world.team(&[hours("3.60", 600)]).await;
    let invoice = world.close(&ada, &ada.cycle).await;
    let billed = invoice["lines"][0]["used_after"].as_str().unwrap().to_owned();
    // It had ended after 20 seconds; ten minutes are billed.
    world.say(&world.disabled(&ada, "forum", 20)).await;
    world.features(&ada, &[("forum", 0, Some(20))]).await;
    let next = world.open_cycle(ada.tenant, &ada.token).await;
    let second = world.close(&ada, &next).await;
    let line = &second["lines"][0];
    assert_eq!(
        (&line["kind"], &line["used_before"], &line["used_after"], &line["period_end"]),
        (&"correction".into(), &billed.into(), &"600".into(), &invoice["period_end"])
    );
    assert_eq!(invoice["total_minor"].as_i64().unwrap() + second["subtotal_minor"].as_i64().unwrap(), 60);
    explain(&world, &ada, &second).await;
}

#[tokio::test]
async fn a_change_of_plan_holds_from_its_moment_on() {
    let (world, ada) = World::with_prices().await;
    world.publish(&ada, &team("1", &[hours("7.20", 0)]), 201).await;
    world.say(&world.enabled(&ada, "forum", 0)).await;
    world.features(&ada, &[("forum", 0, None)]).await;
    let coming = world.pay_by(&ada, "forum:team", "1", "next_cycle").await;
    assert_eq!((&coming["items"][0]["plan"], &coming["items"][1]["version"]), (&"forum:team".into(), &"1.0.0".into()));
    assert_eq!(coming["items"][0]["since"], coming["items"][1]["until"]);
    let changed = world.pay_by(&ada, "forum:team", "1", "now").await;
    assert_eq!(changed["items"].as_array().unwrap().len(), 2);
    assert_eq!(world.pay_by(&ada, "forum:team", "1", "now").await, changed);
    let own = world.get(&ada.token, "/v1/subscriptions").await;
    assert_eq!(own, changed);

    let invoice = world.close(&ada, &ada.cycle).await;
    let lines = explain(&world, &ada, &invoice).await;
    let mut plans: Vec<_> = lines.iter().map(|line| line["rate"]["plan"].as_str().unwrap()).collect();
    plans.sort_unstable();
    assert_eq!(plans, ["forum", "forum:team"]);
    let hours: f64 = summary(&invoice).iter().map(|line| line.1.parse::<f64>().unwrap()).sum();
    let passed = world.platform.ambient.now() - world.start;
    assert!((hours - passed.num_seconds() as f64 / 3600.0).abs() < 1.0, "{hours}");
}

#[tokio::test]
async fn a_plan_is_published_once_and_only_forward() {
    let world = World::start().await;
    let ada = world.customer().await;
    let per_unit = |price: &str| posts("sum", &json!({"model": "per_unit", "price": price}));
    let published = world.publish(&ada, &team("1.2", &[per_unit("1"), hours("2", 0)]), 201).await;
    assert_eq!(world.publish(&ada, &team("1.2", &[hours("2", 0), per_unit("1")]), 200).await, published);
    let publish = async |plan: &Value| world.server.post("/v1/plans", plan).bearer(&ada.token).send().await;
    publish(&team("1.2", &[per_unit("2")])).await.problem(409, "version_taken");
    publish(&team("1.1", &[per_unit("2")])).await.problem(409, "version_not_newer");
    let mut renamed = team("2", &[per_unit("2")]);
    renamed["title"] = "Another".into();
    publish(&renamed).await.problem(409, "plan_differs");
    world.publish(&ada, &team("1.10", &[per_unit("3")]), 201).await;

    let plans = world.get(&ada.token, "/v1/plans?service=forum").await;
    assert_eq!(plans["items"][0]["name"], "forum:team");
    let versions = world.get(&ada.token, "/v1/plans/forum:team/versions").await;
    let named: Vec<_> = versions["items"].as_array().unwrap().iter().map(|version| &version["version"]).collect();
    assert_eq!(named, ["1.2", "1.10"]);
    assert_eq!(world.get(&ada.token, "/v1/plans/forum:team/versions/1.2").await, published);
    let missing = world.server.get("/v1/plans/forum:team/versions/3").bearer(&ada.token).send().await;
    missing.problem(404, "plan_not_found");
}

#[tokio::test]
async fn a_plan_that_is_not_sound_is_refused_by_its_field() {
    let world = World::start().await;
    let ada = world.customer().await;
    let tiers = |tiers: Value| posts("sum", &json!({"model": "graduated", "tiers": tiers}));
    let gap = tiers(json!([{"up_to": "10", "price": "1"}, {"up_to": "5", "price": "1"}, {"price": "1"}]));
    let endless = tiers(json!([{"price": "1"}, {"price": "1"}]));
    let negative = posts("sum", &json!({"model": "per_unit", "price": "-1"}));
    let foreign = json!({"kind": "feature", "name": "pdf", "title": "PDF", "unit": "hour", "currency": "EUR",
        "charge": {"model": "per_hour", "price": "1"}});
    let hourly_posts = posts("sum", &json!({"model": "per_hour", "price": "1"}));
    let mut euro = hours("1", 0);
    euro["currency"] = "euro".into();
    for (rates, expected) in [
        (vec![gap], "tiers[1].up_to"),
        (vec![endless], "tiers[0].up_to"),
        (vec![negative], "price"),
        (vec![foreign], "rates[0].name"),
        (vec![hourly_posts], "rates[0].charge"),
        (vec![euro], "rates[0].currency"),
        (vec![hours("1", 0), hours("2", 0)], "rates[1].name"),
        (vec![], "rates"),
    ] {
        let answer = world.server.post("/v1/plans", &team("1", &rates)).bearer(&ada.token).send().await;
        assert_eq!(answer.status, 422, "{expected}");
        let text = answer.text.clone();
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert_eq!(world.get(&ada.token, "/v1/plans").await["items"], json!([]));
}

#[tokio::test]
async fn nobody_is_moved_to_a_plan_that_is_not_theirs() {
    let (world, ada) = World::with_prices().await;
    let mut dollars = hours("1", 0);
    dollars["currency"] = "USD".into();
    world.publish(&ada, &team("1", &[dollars]), 201).await;
    let subscribe = async |tenant: &str, service: &str, plan: &str, version: &str| {
        let path = format!("/v1/tenants/{tenant}/subscriptions");
        let change = json!({"service": service, "plan": plan, "version": version, "when": "now"});
        world.server.post(&path, &change).bearer(&ada.token).send().await
    };
    let own = ada.tenant.to_string();
    subscribe(&own, "forum", "forum:team", "1").await.problem(422, "invalid");
    subscribe(&own, "pdf", "forum", "1.0.0").await.problem(422, "invalid");
    subscribe(&own, "forum", "forum", "9").await.problem(404, "plan_not_found");
    subscribe(&world.platform.tenant().to_string(), "forum", "forum", "1.0.0").await.problem(404, "account_not_found");
    assert_eq!(world.get(&ada.token, "/v1/subscriptions").await["items"], json!([]));
}

#[tokio::test]
async fn what_a_plan_leaves_out_costs_nothing_whatever_is_published_later() {
    let world = World::start().await;
    let per_unit = posts("sum", &json!({"model": "per_unit", "price": "1"}));
    let ada = world.team(std::slice::from_ref(&per_unit)).await;
    let first = world.close(&ada, &ada.cycle).await;
    assert_eq!(first["lines"], json!([]));
    world.publish(&ada, &team("2", &[per_unit, hours("1", 0)]), 201).await;
    let next = world.open_cycle(ada.tenant, &ada.token).await;
    assert_eq!(world.close(&ada, &next).await["lines"], json!([]));
    // From the next cycle on it pays by the hour, and for nothing before.
    world.pay_by(&ada, "forum:team", "2", "now").await;
    let next = world.open_cycle(ada.tenant, &ada.token).await;
    let third = world.close(&ada, &next).await;
    assert_eq!(third["lines"][0]["period_start"], third["period_start"]);
    explain(&world, &ada, &third).await;
}

#[tokio::test]
async fn what_is_priced_by_the_cycle_changes_with_the_next() {
    let world = World::start().await;
    let ada = world.team(&[posts("sum", &tiers())]).await;
    world.publish(&ada, &team("2", &[posts("sum", &json!({"model": "per_unit", "price": "1"}))]), 201).await;
    let path = format!("/v1/tenants/{}/subscriptions", ada.tenant);
    let change = json!({"service": "forum", "plan": "forum:team", "version": "2", "when": "now"});
    let answer = world.server.post(&path, &change).bearer(&ada.token).send().await;
    assert!(answer.text.contains("must be next_cycle: forum.posts of forum:team 1"), "{}", answer.text);
    answer.problem(422, "invalid");
    let coming = world.pay_by(&ada, "forum:team", "2", "next_cycle").await;
    assert_eq!(coming["items"][0]["version"], "2");
}
