//! Tests of accounts: what a tenant sees and edits of its own, and what follows from it.

use crate::{
    payments_world::{Heard, days_pass, invoiced},
    world::{Customer, World},
};
use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};
use contracts::messages::SendMail;
use serde_json::{Value, json};
use test_support::TestAnswer;

/// All that a tenant may say of itself.
pub fn body() -> Value {
    json!({
        "time_zone": "Europe/Berlin",
        "anchor_day": 15,
        "details": {
            "legal_name": "Acme GmbH",
            "address_lines": ["Hauptstraße 1", "Hinterhaus"],
            "postcode": "10115",
            "city": "Berlin",
            "country": "DE",
            "vat_id": "DE123456789",
            "email": "invoices@acme.test",
            "order_reference": "PO-4711",
        },
    })
}

/// Edits what was read as `etag`.
pub async fn edit(world: &World, ada: &Customer, etag: &str, body: &Value) -> TestAnswer {
    world.server.put("/v1/account", body).bearer(&ada.token).header("If-Match", etag).send().await
}

#[tokio::test]
async fn a_tenant_edits_its_account_from_what_it_has_read() {
    let (world, ada) = World::with_customer().await;
    let read = world.server.get("/v1/account").bearer(&ada.token).send().await;
    assert_eq!(read.header("etag"), Some("\"0\""));
    let untouched = read.expect(200);
    let expected = json!({"tenant_id": ada.tenant, "name": "Acme", "email": "ada@acme.test", "currency": "EUR",
        "time_zone": "UTC", "anchor_day": 1, "next_cycle_at": untouched["next_cycle_at"], "revision": 0});
    assert_eq!(untouched, expected);

    let edited = edit(&world, &ada, "\"0\"", &body()).await;
    assert_eq!(edited.header("etag"), Some("\"1\""));
    let edited = edited.expect(200);
    assert_eq!((&edited["details"], &edited["revision"]), (&body()["details"], &json!(1)));
    assert_eq!((&edited["time_zone"], &edited["anchor_day"]), (&json!("Europe/Berlin"), &json!(15)));
    assert!(edited["updated_by"].as_str().unwrap().starts_with("user:"), "{edited}");
    assert_eq!(world.get(&ada.token, "/v1/account").await, edited);

    // Whoever still has the first revision would undo that; whoever says none may not edit at all.
    let mut other = body();
    other["details"]["city"] = "Potsdam".into();
    edit(&world, &ada, "\"0\"", &other).await.problem(412, "account_edited");
    let blind = world.server.put("/v1/account", &other).bearer(&ada.token).send().await;
    blind.problem(428, "if_match_missing");
    assert_eq!(world.get(&ada.token, "/v1/account").await, edited);
    assert_eq!(edit(&world, &ada, "\"1\"", &other).await.expect(200)["details"]["city"], "Potsdam");
}

#[tokio::test]
async fn of_edits_from_the_same_revision_one_holds() {
    let (world, ada) = World::with_customer().await;
    let body = body();
    let once = || edit(&world, &ada, "\"0\"", &body);
    let (one, two, three) = tokio::join!(once(), once(), once());
    let mut statuses = [one.status, two.status, three.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412, 412]);
    assert_eq!(world.get(&ada.token, "/v1/account").await["revision"], 1);
}

#[tokio::test]
async fn what_is_left_out_is_removed_and_texts_are_kept_in_one_spelling() {
    let (world, ada) = World::with_customer().await;
    let mut sloppy = body();
    sloppy["time_zone"] = "asia/kathmandu".into();
    sloppy["details"]["legal_name"] = "  Acme GmbH ".into();
    sloppy["details"]["vat_id"] = "de 123.456-789".into();
    let kept = edit(&world, &ada, "*", &sloppy).await.expect(200);
    assert_eq!((&kept["time_zone"], &kept["details"]), (&json!("Asia/Kathmandu"), &body()["details"]));

    let details = json!({"legal_name": "Ada", "address_lines": ["Quay 7"], "city": "Dublin", "country": "IE"});
    let least = json!({"time_zone": "UTC", "anchor_day": 31, "details": details});
    let kept = edit(&world, &ada, "*", &least).await.expect(200);
    assert_eq!((&kept["details"], &kept["anchor_day"]), (&details, &json!(31)));
}

#[tokio::test]
async fn every_wrong_field_is_told_and_nothing_changes() {
    let (world, ada) = World::with_customer().await;
    let before = edit(&world, &ada, "*", &body()).await.expect(200);
    let wrong = json!({
        "time_zone": "Europe/Atlantis",
        "anchor_day": 32,
        "details": {
            "legal_name": "Acme\r\nBcc: eve@evil.test",
            "address_lines": ["one", "two", "three", "four"],
            "postcode": " ",
            "city": "x".repeat(101),
            "country": "XX",
            "vat_id": "123",
            "email": "Ada <ada@acme.test>",
            "order_reference": "",
        },
    });
    let fields = [
        "time_zone",
        "anchor_day",
        "details.legal_name",
        "details.address_lines",
        "details.postcode",
        "details.city",
        "details.country",
        "details.vat_id",
        "details.email",
        "details.order_reference",
    ];
    edit(&world, &ada, "*", &wrong).await.invalid(&fields);
    let mut lines = body();
    lines["details"]["address_lines"] = json!(["Hauptstraße 1", "\u{202e}1 eßartstpuaH", "-"]);
    edit(&world, &ada, "*", &lines).await.invalid(&["details.address_lines[1]", "details.address_lines[2]"]);
    let mut currency = body();
    currency["currency"] = "USD".into();
    edit(&world, &ada, "*", &currency).await.problem(422, "invalid");
    let mut unknown = body();
    unknown["details"]["iban"] = "DE89370400440532013000".into();
    edit(&world, &ada, "*", &unknown).await.problem(422, "invalid");
    assert_eq!(world.get(&ada.token, "/v1/account").await, before);
}

#[tokio::test]
async fn another_calendar_holds_from_the_next_cycle_on() {
    let (world, ada) = World::with_customer().await;
    let before = world.get(&ada.token, "/v1/account").await;
    let mut far = body();
    far["time_zone"] = "Asia/Kathmandu".into();
    let edited = edit(&world, &ada, "*", &far).await.expect(200);
    assert_eq!(edited["next_cycle_at"], before["next_cycle_at"]);

    let invoice = world.close(&ada, &ada.cycle).await;
    let next = world.get(&ada.token, "/v1/account").await;
    let until: DateTime<Utc> = next["next_cycle_at"].as_str().unwrap().parse().unwrap();
    let from: DateTime<Utc> = invoice["period_end"].as_str().unwrap().parse().unwrap();
    // Clocks of Kathmandu are 5:45 ahead.
    let shown = until + TimeDelta::minutes(5 * 60 + 45);
    assert_eq!((shown.day(), shown.num_seconds_from_midnight()), (15, 0));
    // However often a calendar is edited, and cycles are closed early: what is priced by the cycle has no more of them.
    assert!((TimeDelta::days(20)..=TimeDelta::days(51)).contains(&(until - from)), "{from} to {until}");
}

#[tokio::test]
async fn invoices_and_reminders_are_mailed_to_the_address_of_the_details() {
    let world = World::start().await;
    world.publish_forum().await;
    let mut heard = Heard::listen(&world).await;
    let ada = world.customer().await;
    edit(&world, &ada, "*", &body()).await.expect(200);
    let invoice = invoiced(&world, &ada).await;
    world.counted("SELECT count(*) FROM invoice_payment WHERE next_at = due_at", 1).await;
    // It is due after 14 days; the first reminder follows a day later.
    days_pass(&world, &invoice, 14).await;
    world.counted("SELECT count(*) FROM invoice_payment WHERE dunned_from IS NOT NULL AND next_at > now()", 1).await;
    days_pass(&world, &invoice, 1).await;
    let mails = heard.of::<SendMail>(&world, 2, |mail| mail.key.contains(&invoice)).await;
    assert!(mails.iter().all(|mail| mail.recipient == "invoices@acme.test"), "{mails:?}");
}

#[tokio::test]
async fn a_tenant_has_its_own_account_or_none() {
    let (world, ada) = World::with_customer().await;
    let eve = world.customer().await;
    edit(&world, &ada, "*", &body()).await.expect(200);
    let hers = world.get(&eve.token, "/v1/account").await;
    assert_eq!(
        (&hers["tenant_id"], &hers["revision"], &hers["details"]),
        (&json!(eve.tenant), &json!(0), &Value::Null)
    );

    let unknown = world.platform.tenant();
    let token = world.platform.user(unknown, &["billing.readAccount", "billing.editAccount"]).await.token;
    world.server.get("/v1/account").bearer(&token).send().await.problem(404, "account_not_found");
    let edited = world.server.put("/v1/account", &body()).bearer(&token).header("If-Match", "*").send().await;
    edited.problem(404, "account_not_found");
    let reader = world.platform.user(ada.tenant, &["billing.readAccount"]).await.token;
    let refused = world.server.put("/v1/account", &body()).bearer(&reader).header("If-Match", "*").send().await;
    refused.problem(403, "permission_missing");
}
