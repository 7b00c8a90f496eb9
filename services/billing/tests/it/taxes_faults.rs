//! Tests of what is not taxed yet, and of what somebody does to taxes that are stored.

use crate::{
    taxes_world::{Taxing, details, sums, taxes, used},
    world::Customer,
};
use serde_json::{Value, json};
use test_support::eventually;

/// Somebody waits for a lock, which a test holds.
const WAITING: &str = "SELECT least(count(*), 1) FROM pg_stat_activity WHERE datname = current_database()
    AND wait_event_type = 'Lock'
    AND (query LIKE '%FROM account WHERE%FOR NO KEY UPDATE%' OR query LIKE 'LOCK TABLE tax_rate%')";
const DETAILS: &str =
    "INSERT INTO account_details (tenant_id, legal_name, address_lines, city, country, updated_at, updated_by)
    VALUES ($1, 'Acme', '{Main Street 1}', 'Springfield', 'DE', now(), 'user:ada')";
const RATE: &str = "INSERT INTO tax_rate (id, country, tax_group, percent, valid_from, created_at, created_by)
    VALUES (gen_random_uuid(), 'DE', 'standard', 19, '2020-01-01', now(), 'user:ada')";

#[tokio::test]
async fn what_nobody_knows_the_tax_of_waits_for_it() {
    let taxing = Taxing::start().await;
    let world = &taxing.world;
    let (ada, eve) = (world.customer().await, world.customer().await);
    used(world, &ada).await;
    taxing.preview(&ada).await.problem(409, "tax_undetermined");
    taxing.parked(&ada, "billing_details_missing").await;
    // Neither somebody else's details nor another country's rate are what it waits for.
    details(world, &eve, "DE", None).await;
    taxing.standard(&eve, "FR", "20").await;
    taxing.waits_for(&ada, "billing_details_missing").await;
    details(world, &ada, "DE", None).await;
    taxing.waits_for(&ada, "tax_rate_missing:DE:standard").await;
    // The rate of next century is none of its period.
    let late = json!({"country": "DE", "tax_group": "standard", "percent": "25", "valid_from": "2100-01-01"});
    taxing.rate(&eve, &late).await.expect(201);
    taxing.waits_for(&ada, "tax_rate_missing:DE:standard").await;
    taxing.standard(&eve, "DE", "19").await;
    let invoice = world.invoice(&ada, &ada.cycle).await;
    assert_eq!((sums(&invoice), taxes(&invoice)), ([136, 26, 162], vec![("S", "DE", "19", 136, 26)]));
}

/// The closer has read that there are no details, and then no rate, and somebody gives them before it says so.
#[tokio::test]
async fn what_comes_while_a_cycle_is_parked_is_not_missed() {
    let taxing = Taxing::start().await;
    let world = &taxing.world;
    let ada = world.customer().await;
    used(world, &ada).await;
    let mut tx = world.platform.pool.begin().await.unwrap();
    let hold = "SELECT FROM account WHERE tenant_id = $1 FOR NO KEY UPDATE";
    sqlx::query(hold).bind(ada.tenant.0).execute(&mut *tx).await.unwrap();
    let path = format!("/v1/cycles/{}/close", ada.cycle);
    world.server.post(&path, &()).bearer(&ada.token).send().await.expect(202);
    world.counted(WAITING, 1).await;
    let mut rates = world.platform.pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE tax_rate IN SHARE ROW EXCLUSIVE MODE").execute(&mut *rates).await.unwrap();
    sqlx::query(DETAILS).bind(ada.tenant.0).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    world.counted(WAITING, 1).await;
    sqlx::query(RATE).execute(&mut *rates).await.unwrap();
    rates.commit().await.unwrap();
    assert_eq!(sums(&world.invoice(&ada, &ada.cycle).await), [136, 26, 162]);
}

#[tokio::test]
async fn what_is_taxed_never_changes() {
    let taxing = Taxing::start().await;
    let world = &taxing.world;
    let ada = taxing.used("DE", None).await;
    taxing.standard(&ada, "DE", "19").await;
    world.close(&ada, &ada.cycle).await;
    for change in [
        "UPDATE invoice SET tax_minor = 0",
        "UPDATE invoice_tax SET taxable_minor = 0, tax_minor = 0",
        "DELETE FROM invoice_tax",
        "INSERT INTO invoice_tax SELECT invoice_id, tenant_id, 2, 'Z', country, 0, 0, 0, NULL, NULL, '[]'
         FROM invoice_tax",
        "UPDATE tax_rate SET percent = 7",
        "DELETE FROM tax_rate",
    ] {
        let refused = sqlx::query(change).execute(&world.platform.pool).await.expect_err(change).to_string();
        assert!(refused.contains("is finalized") || refused.contains("is never changed"), "{change}: {refused}");
    }
}

/// The cycle after a proof that began now.
async fn prove(taxing: &Taxing, ada: &Customer) -> Value {
    let (world, path) = (&taxing.world, format!("/v1/cycles/{}", ada.cycle));
    let before = world.server.post(&format!("{path}/prove"), &()).bearer(&ada.token).send().await.expect(202);
    eventually("the cycle is proved", async || {
        let cycle = world.get(&ada.token, &path).await;
        (cycle["proved_at"].is_string() && cycle["proved_at"] != before["proved_at"]).then_some(cycle)
    })
    .await
}

#[tokio::test]
async fn a_proof_finds_taxes_that_are_not_what_their_invoice_comes_to() {
    let taxing = Taxing::start().await;
    let world = &taxing.world;
    let operator = world.customer().await;
    taxing.standard(&operator, "DE", "19").await;
    taxing.standard(&operator, "FR", "20").await;
    for (fault, sql) in [
        ("total_differs", "UPDATE invoice SET total_minor = total_minor + 1 WHERE tenant_id = $1"),
        ("taxes_differ", "UPDATE invoice_tax SET taxable_minor = 0, tax_minor = 0 WHERE tenant_id = $1"),
        ("taxes_differ", "UPDATE invoice_tax SET percent = 7, tax_minor = 9 WHERE tenant_id = $1"),
        ("taxes_differ", "UPDATE invoice_tax SET country = 'FR' WHERE tenant_id = $1"),
        ("taxes_differ", "UPDATE invoice_tax SET parts = '[]' WHERE tenant_id = $1"),
        ("taxes_differ", "DELETE FROM invoice_tax WHERE tenant_id = $1"),
    ] {
        let ada = taxing.used("DE", None).await;
        world.grant(&ada, "discounts", &json!({"title": "Partner", "percent": "10"})).await;
        world.grant(&ada, "credits", &json!({"title": "Outage", "amount_minor": 1, "currency": "EUR"})).await;
        world.close(&ada, &ada.cycle).await;
        assert_eq!(prove(&taxing, &ada).await.get("proof_faults"), None);
        let mut conn = world.platform.pool.acquire().await.expect("a connection");
        sqlx::query("SET session_replication_role = replica").execute(&mut *conn).await.expect("no triggers");
        sqlx::query(sql).bind(ada.tenant.0).execute(&mut *conn).await.expect("a fault");
        conn.close().await.expect("triggers again");
        assert_eq!(prove(&taxing, &ada).await["proof_faults"], json!([fault]), "{sql}");
    }
}
