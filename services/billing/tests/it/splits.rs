//! A test of bills: however the same usage arrives, in which order, in which batches, before or after which invoices, it
//! costs the same to the cent.

use crate::{
    closing::explain,
    plans::posts,
    world::{Customer, World},
};
use futures_util::future::join_all;
use serde_json::{Value, json};

/// SplitMix64 (Steele, Lea, Flood 2014, <https://doi.org/10.1145/2714064.2660195>).
struct Generator(u64);

impl Generator {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((bits ^ (bits >> 31)) % bound as u64).unwrap()
    }
}

/// Bills the posts to one customer, in a random order, in random batches, with invoices between them; gives what all
/// invoices come to, less the credits that are left. There are discounts on it.
async fn billed(world: &World, rate: &Value, posts: &[(String, i64, i64)], seed: u64) -> i64 {
    let ada = world.team(std::slice::from_ref(rate)).await;
    world.say(&world.disabled(&ada, "forum", 10)).await;
    world.features(&ada, &[("forum", 0, Some(10))]).await;
    let service = json!({"title": "Start", "service": "forum", "percent": "12.5"});
    let all = json!({"title": "Partner", "amount_minor": 1, "currency": "EUR", "cycles": 1});
    for discount in [service, all] {
        world.grant(&ada, "discounts", &discount).await;
    }
    let (mut generator, mut left, mut total, mut sent) = (Generator(seed), posts.to_vec(), 0, 0);
    while !left.is_empty() {
        let many = (1 + generator.below(21)).min(left.len());
        let batch: Vec<_> = (0..many).map(|_| left.swap_remove(generator.below(left.len()))).collect();
        let told: Vec<_> = batch.iter().map(|(key, quantity, second)| (key.as_str(), *quantity, *second)).collect();
        world.say(&world.batch(&ada, &told)).await;
        sent += batch.len() as i64;
        recorded(world, &ada, sent).await;
        if left.is_empty() || generator.below(3) == 0 {
            total += closed(world, &ada).await;
        }
    }
    total - world.balances(&ada).await.into_iter().sum::<i64>()
}

async fn recorded(world: &World, ada: &Customer, many: i64) {
    test_support::eventually("the posts are recorded", async || {
        let count = "SELECT count(*) FROM usage_event WHERE tenant_id = $1";
        let count: i64 = sqlx::query_scalar(count).bind(ada.tenant.0).fetch_one(&world.platform.pool).await.unwrap();
        (count == many).then_some(())
    })
    .await;
}

async fn closed(world: &World, ada: &Customer) -> i64 {
    let cycle = world.open_cycle(ada.tenant, &ada.token).await;
    let invoice = world.close(ada, &cycle).await;
    explain(world, ada, &invoice).await;
    invoice["total_minor"].as_i64().unwrap()
}

#[tokio::test]
async fn a_bill_depends_on_nothing_but_what_was_used() {
    let tiers = json!([{"up_to": "40", "price": "0.013"}, {"up_to": "90", "price": "0.007"}, {"price": "0.0021"}]);
    for (aggregation, charge) in [
        ("sum", json!({"model": "graduated", "tiers": tiers, "included": "5"})),
        ("sum", json!({"model": "volume", "tiers": tiers})),
        ("sum", json!({"model": "package", "size": "7", "price": "0.33"})),
        ("count", json!({"model": "per_unit", "price": "0.0049", "minimum": "0.50"})),
        ("max", json!({"model": "per_unit", "price": "0.017"})),
        ("last", json!({"model": "per_unit", "price": "0.017"})),
    ] {
        let world = World::start().await;
        let mut generator = Generator(7);
        let mut post =
            |number| (format!("posts:{number}"), 1 + generator.below(9) as i64, 20 + generator.below(5000) as i64);
        let posts: Vec<_> = (0..60).map(&mut post).collect();
        let rate = self::posts(aggregation, &charge);
        let (world, rate, posts) = (&world, &rate, &posts);
        let amounts = join_all((1..=4).map(|seed| billed(world, rate, posts, seed))).await;
        assert!(amounts[0] > 0 && amounts.iter().all(|amount| *amount == amounts[0]), "{charge}: {amounts:?}");
    }
}
