//! Tests of rates of VAT: operators enter them, and none changes what has been taxed.

use crate::world::{Customer, World};
use chrono::{Duration, NaiveDate};
use serde_json::{Value, json};
use test_support::TestAnswer;

async fn enter(world: &World, ada: &Customer, body: &Value) -> TestAnswer {
    world.server.post("/v1/tax-rates", body).bearer(&ada.token).send().await
}

fn rate(country: &str, percent: &str, valid_from: NaiveDate) -> Value {
    json!({"country": country, "tax_group": "standard", "percent": percent, "valid_from": valid_from})
}

#[tokio::test]
async fn operators_enter_rates_that_change_nothing_that_was_taxed() {
    let (world, ada) = World::with_customer().await;
    let today = world.platform.ambient.now().date_naive();
    let day = |days: i64| today + Duration::days(days);
    let first = enter(&world, &ada, &rate("DE", "19.00", day(-100))).await.expect(201);
    assert_eq!((&first["percent"], first["created_by"].as_str().unwrap().starts_with("user:")), (&json!("19"), true));
    enter(&world, &ada, &rate("DE", "20", day(-100))).await.problem(409, "tax_rate_exists");
    // On these days the first one holds, and invoices may have been made by it.
    for begun in [-99, 0] {
        enter(&world, &ada, &rate("DE", "20", day(begun))).await.problem(409, "tax_rate_begun");
    }
    // Before it nothing was taxed, elsewhere neither, and tomorrow has not begun anywhere.
    let earlier = enter(&world, &ada, &rate("DE", "16", day(-200))).await.expect(201);
    enter(&world, &ada, &rate("FR", "20", day(-50))).await.expect(201);
    let later = enter(&world, &ada, &rate("DE", "20.1234", day(2))).await.expect(201);

    let path = |rate: &Value| format!("/v1/tax-rates/{}", rate["id"].as_str().unwrap());
    let revoke = async |rate: &Value| world.server.delete(&path(rate)).bearer(&ada.token).send().await;
    revoke(&earlier).await.problem(409, "tax_rate_begun");
    for _ in 0..2 {
        revoke(&later).await.expect(204);
    }
    let revoked = world.get(&ada.token, &path(&later)).await;
    assert!(revoked["revoked_at"].is_string() && revoked["revoked_by"] == later["created_by"], "{revoked}");
    enter(&world, &ada, &rate("DE", "21", day(2))).await.expect(201);
    let nobodys = format!("/v1/tax-rates/{}", ada.tenant);
    world.server.get(&nobodys).bearer(&ada.token).send().await.problem(404, "tax_rate_not_found");
    world.server.delete(&nobodys).bearer(&ada.token).send().await.problem(404, "tax_rate_not_found");

    let of = async |query: &str| {
        let page = world.get(&ada.token, &format!("/v1/tax-rates{query}")).await;
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|rate| rate["percent"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(of("").await, ["19", "16", "20", "20.1234", "21"]);
    assert_eq!(of("?country=FR").await, ["20"]);
}

#[tokio::test]
async fn of_rates_that_are_entered_at_once_one_holds() {
    let (world, ada) = World::with_customer().await;
    let today = world.platform.ambient.now().date_naive();
    let (one, other) = (rate("DE", "19", today - Duration::days(10)), rate("DE", "20", today - Duration::days(20)));
    let (one, other) = tokio::join!(enter(&world, &ada, &one), enter(&world, &ada, &other));
    // That of the earlier day may come second, and then fills a gap.
    let statuses = (one.status, other.status);
    assert!([(201, 201), (409, 201)].contains(&statuses), "{statuses:?}");
}

#[tokio::test]
async fn bad_rates_and_callers_change_nothing() {
    let (world, ada) = World::with_customer().await;
    let sound = json!({"country": "DE", "tax_group": "standard", "percent": "19", "valid_from": "2026-01-01"});
    for (field, wrong) in [
        ("country", json!("XX")),
        ("country", json!("Germany")),
        ("tax_group", json!("")),
        ("tax_group", json!("Standard")),
        ("tax_group", json!("x".repeat(41))),
        ("percent", json!("-1")),
        ("percent", json!("100.0001")),
        ("percent", json!("19.00001")),
        ("valid_from", json!("2026-02-30")),
        ("valid_from", json!("1949-12-31")),
        ("valid_from", json!("+12026-01-01")),
        ("until", json!("2027-01-01")),
    ] {
        let mut body = sound.clone();
        body[field] = wrong;
        enter(&world, &ada, &body).await.problem(422, "invalid");
    }
    let reader = world.platform.user(ada.tenant, &["billing.readTaxRates"]).await.token;
    let refused = world.server.post("/v1/tax-rates", &sound).bearer(&reader).send().await;
    refused.problem(403, "permission_missing");
    assert_eq!(world.get(&reader, "/v1/tax-rates").await["items"], json!([]));
}

#[tokio::test]
async fn there_are_not_too_many_of_a_country_and_group() {
    let (world, ada) = World::with_customer().await;
    let many = "INSERT INTO tax_rate (id, country, tax_group, percent, valid_from, created_at, created_by)
        SELECT gen_random_uuid(), 'DE', 'standard', 19, date '1999-01-01' + n, now(), 'user:ada'
        FROM generate_series(1, 100) AS n";
    sqlx::query(many).execute(&world.platform.pool).await.expect("rates");
    let next = rate("DE", "19", "2199-01-01".parse().unwrap());
    enter(&world, &ada, &next).await.problem(409, "too_many_tax_rates");
}
