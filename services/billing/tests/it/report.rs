//! Tests of cost-and-usage reports: an invoice as a table that adds up.

use crate::world::{Customer, World};
use contracts::id::InstanceId;
use rust_decimal::Decimal;
use serde_json::json;

/// The columns' names and the rows; no cell here has a comma but descriptions, which come last.
fn table(csv: &str) -> (Vec<&str>, Vec<Vec<&str>>) {
    let mut lines = csv.lines().map(|line| line.splitn(17, ',').collect::<Vec<_>>());
    (lines.next().expect("names"), lines.collect())
}

#[tokio::test]
async fn a_report_has_a_row_for_each_instance_and_comes_to_the_total() {
    let (world, ada) = World::with_prices().await;
    let other = Customer {
        instance: InstanceId(world.platform.ambient.uuid()),
        token: ada.token.clone(),
        cycle: ada.cycle.clone(),
        ..ada
    };
    for envelope in [
        world.enabled(&ada, "forum", 0),
        world.disabled(&ada, "forum", 3600),
        world.enabled(&other, "forum", 0),
        world.disabled(&other, "forum", 3600),
        world.posts(&ada, "posts:1", 201, 10),
        world.posts(&other, "posts:2", 100, 10),
    ] {
        world.say(&envelope).await;
    }
    world.features(&ada, &[("forum", 0, Some(3600)), ("forum", 0, Some(3600))]).await;
    world.counted("SELECT count(*) FROM usage_event", 2).await;
    world.grant(&ada, "discounts", &json!({"title": "=1+1, or ten percent", "percent": "10"})).await;
    let invoice = world.close(&ada, &ada.cycle).await;

    let path = format!("/v1/invoices/{}/cost-and-usage", invoice["id"].as_str().unwrap());
    let answer = world.server.get(&path).bearer(&ada.token).send().await;
    assert_eq!(answer.status, 200);
    let name = format!("attachment; filename=\"cost-and-usage-{}.csv\"", invoice["number"].as_str().unwrap());
    assert_eq!(answer.headers["content-disposition"], name.as_str());
    let text = answer.text.clone();
    let (names, rows) = table(&text);
    let column = |name: &str| names.iter().position(|named| *named == name).expect(name);
    let cells = |name: &str| rows.iter().map(|row| row[column(name)]).collect::<Vec<_>>();
    let costs: Vec<Decimal> = cells("line_item_unblended_cost").iter().map(|cost| cost.parse().unwrap()).collect();
    assert_eq!(
        costs.iter().sum::<Decimal>() * Decimal::ONE_HUNDRED,
        Decimal::from(invoice["total_minor"].as_i64().unwrap())
    );
    let mut of_rows: Vec<_> = cells("line_item_usage_type")
        .into_iter()
        .zip(cells("line_item_usage_amount"))
        .zip(cells("line_item_resource_id"))
        .zip(cells("line_item_unblended_cost"))
        .map(|(((usage, amount), instance), cost)| (usage, amount, instance.to_owned(), cost))
        .collect();
    of_rows.sort_unstable();
    let (ada_id, other_id) = (ada.instance.to_string(), other.instance.to_string());
    let mut expected = vec![
        // 301 posts cost 1.505, so 1.51.
        ("forum", "1", ada_id.clone(), "0.36"),
        ("forum", "1", other_id.clone(), "0.36"),
        ("forum.posts", "201", ada_id, "1.01"),
        ("forum.posts", "100", other_id, "0.50"),
        ("", "", String::new(), "-0.22"),
    ];
    expected.sort_unstable();
    assert_eq!(of_rows, expected);
    assert_eq!(*cells("line_item_line_item_description").last().unwrap(), "\"'=1+1, or ten percent\"");
    assert!(cells("bill_invoice_id").iter().all(|number| *number == invoice["number"]));

    let bob = world.customer().await;
    world.server.get(&path).bearer(&bob.token).send().await.problem(404, "invoice_not_found");
}
