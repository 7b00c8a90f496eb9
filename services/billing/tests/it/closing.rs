//! Tests of closing: a cycle becomes one invoice, with every use on exactly one line, and each line can be proved.

use crate::world::{Customer, World};
use contracts::{envelope::Envelope, messages::SendMail};
use serde_json::Value;
use test_support::eventually;

/// What the forum, its polls and its posts come to in these tests.
const LINES: [(&str, &str, &str, i64); 3] =
    [("forum", "1", "hour", 36), ("forum.polls", "0.25", "hour", 5), ("forum.posts", "3", "post", 2)];

/// An hour of the forum, a quarter of an hour of polls, three posts.
async fn use_the_forum(world: &World, ada: &Customer) {
    for envelope in [
        world.enabled(ada, "forum", 0),
        world.enabled(ada, "forum.polls", 0),
        world.disabled(ada, "forum.polls", 900),
        world.disabled(ada, "forum", 3600),
        world.posts(ada, "posts:1", 1, 10),
        world.posts(ada, "posts:2", 2, 20),
    ] {
        world.say(&envelope).await;
    }
    world.features(ada, &[("forum", 0, Some(3600)), ("forum.polls", 0, Some(900))]).await;
    world.metered(ada, "3").await;
}

/// Name, quantity, unit and amount of each line.
pub fn summary(invoice: &Value) -> Vec<(&str, &str, &str, i64)> {
    let lines = invoice["lines"].as_array().expect("lines").iter();
    lines
        .map(|line| {
            (text(line, "name"), text(line, "quantity"), text(line, "unit"), line["amount_minor"].as_i64().unwrap())
        })
        .collect()
}

fn text<'a>(line: &'a Value, field: &str) -> &'a str {
    line[field].as_str().expect(field)
}

/// The explanations of every line, each of which must be equal.
pub async fn explain(world: &World, ada: &Customer, invoice: &Value) -> Vec<Value> {
    let mut explanations = Vec::new();
    for line in invoice["lines"].as_array().expect("lines") {
        let path =
            format!("/v1/invoices/{}/lines/{}/explain", invoice["id"].as_str().unwrap(), line["id"].as_str().unwrap());
        let explanation = world.get(&ada.token, &path).await;
        assert_eq!(explanation["equal"], true, "{explanation:#}");
        assert_eq!(explanation["recomputed_amount_minor"], line["amount_minor"]);
        explanations.push(explanation);
    }
    explanations
}

#[tokio::test]
async fn a_closed_cycle_is_an_invoice_whose_lines_prove_themselves() {
    let world = World::start().await;
    messaging::provision::provision_for(&world.platform.aws, &["mailer"]).await.expect("making the mailer's queue");
    world.publish_forum().await;
    let ada = world.customer().await;
    use_the_forum(&world, &ada).await;

    let invoice = world.close(&ada, &ada.cycle).await;
    assert_eq!(summary(&invoice), LINES);
    assert_eq!(
        (&invoice["total_minor"], &invoice["number"], &invoice["currency"]),
        (&43.into(), &"00000001".into(), &"EUR".into())
    );
    let path = format!("/v1/invoices/{}", invoice["id"].as_str().unwrap());
    assert_eq!(world.get(&ada.token, &path).await, invoice);

    let explanations = explain(&world, &ada, &invoice).await;
    assert_eq!(explanations[1]["rate"]["charge"]["price"], "0.18");
    assert_eq!(
        (&explanations[1]["raw"][0]["kind"], &explanations[1]["raw"][0]["seconds"]),
        (&"interval".into(), &"900".into())
    );
    assert_eq!(explanations[2]["raw"].as_array().unwrap().len(), 2);

    let mail = ordered_mail(&world).await;
    assert_eq!(
        (mail.key, mail.recipient.as_str()),
        (format!("invoice:{}", invoice["id"].as_str().unwrap()), "ada@acme.test")
    );
    let said = mail.mail.variables().unwrap();
    assert_eq!((&said["total"], &said["lines"][1]["amount"]), (&"0.43".into(), &"0.05".into()));

    let usage = world.get(&ada.token, "/v1/usage").await;
    assert_eq!(usage, serde_json::json!({"features": [], "meters": []}));
    let next = world.open_cycle(ada.tenant, &ada.token).await;
    let empty = world.close(&ada, &next).await;
    assert_eq!(
        (&empty["lines"], &empty["period_start"], &empty["number"]),
        (&serde_json::json!([]), &invoice["period_end"], &"00000002".into())
    );
}

async fn ordered_mail(world: &World) -> SendMail {
    let aws = &world.platform.aws;
    let url = aws.queue_url(&aws.queue_name("mailer")).await.expect("the mailer's queue");
    let body = eventually("the mail is ordered", async || {
        let received = aws.sqs.receive_message().queue_url(&url).send().await.expect("receiving");
        received.messages.unwrap_or_default().pop()?.body
    })
    .await;
    let envelope: Envelope = serde_json::from_str(&body).expect("an envelope");
    serde_json::from_value(envelope.data).expect("an order to send mail")
}

#[tokio::test]
async fn closing_at_once_and_again_makes_one_invoice() {
    let (world, ada) = World::with_prices().await;
    use_the_forum(&world, &ada).await;
    let path = format!("/v1/cycles/{}/close", ada.cycle);
    let close = async || world.server.post(&path, &()).bearer(&ada.token).send().await;
    let (one, two, three) = tokio::join!(close(), close(), close());
    assert!([one, two, three].iter().all(|answer| [200, 202].contains(&answer.status)));
    let invoice = world.invoice(&ada, &ada.cycle).await;
    assert_eq!(summary(&invoice), LINES);
    let again = close().await.expect(200);
    assert_eq!((&again["state"], &again["invoice_id"]), (&"closed".into(), &invoice["id"]));
    assert_eq!(world.count("SELECT count(*) FROM invoice").await, 1);
    assert_eq!(world.count("SELECT count(*) FROM cycle").await, 2);
    assert_eq!(world.count("SELECT last FROM number_series WHERE series = 'invoice'").await, 1);
}

#[tokio::test]
async fn what_arrives_after_the_close_is_on_the_next_invoice() {
    let (world, ada) = World::with_prices().await;
    world.say(&world.enabled(&ada, "forum", 0)).await;
    world.features(&ada, &[("forum", 0, None)]).await;
    let first = world.close(&ada, &ada.cycle).await;
    // It was in use until the close, for all that was known then: two days and some, at 0.36 an hour.
    let charged = first["total_minor"].as_i64().unwrap();
    assert!((1728..1740).contains(&charged), "{charged}");

    world.say(&world.posts(&ada, "posts:1", 2, 20)).await;
    world.say(&world.disabled(&ada, "forum", 7200)).await;
    world.metered(&ada, "2").await;
    world.features(&ada, &[("forum", 0, Some(7200))]).await;
    let next = world.open_cycle(ada.tenant, &ada.token).await;
    let second = world.close(&ada, &next).await;
    let lines = summary(&second);
    assert_eq!((lines[0].0, lines[1]), ("forum", ("forum.posts", "2", "post", 1)));
    // What came late names the period that it belongs to.
    let late = &second["lines"][1];
    assert_eq!((&late["period_start"], &late["period_end"]), (&first["period_start"], &first["period_end"]));
    // Two hours were used: the rest is taken back, to the cent.
    assert_eq!(charged + lines[0].3, 72);
    explain(&world, &ada, &first).await;
    explain(&world, &ada, &second).await;
}

#[tokio::test]
async fn usage_without_a_rate_is_shown_and_waits() {
    let (world, ada) = World::with_customer().await;
    world.say(&world.posts(&ada, "posts:1", 4, 30)).await;
    world.say(&world.enabled(&ada, "forum", 0)).await;
    world.say(&world.disabled(&ada, "forum", 7)).await;
    world.features(&ada, &[("forum", 0, Some(7))]).await;
    world.metered(&ada, "4").await;
    let usage = world.get(&ada.token, "/v1/usage").await;
    assert_eq!(
        (&usage["features"][0]["unbilled_because"], &usage["meters"][0]["unbilled_because"]),
        (&"unrated".into(), &"unrated".into())
    );
    assert_eq!(summary(&world.close(&ada, &ada.cycle).await), []);

    // The announcement was only late: it had been said before the use. A second of use costs nothing, and is on the
    // invoice all the same.
    world.publish_forum().await;
    let next = world.open_cycle(ada.tenant, &ada.token).await;
    let invoice = world.close(&ada, &next).await;
    assert_eq!(
        summary(&invoice),
        [("forum", "0.0019444444444444444444444444", "hour", 0), ("forum.posts", "4", "post", 2)]
    );
    assert_eq!(invoice["lines"][0]["components"][0]["quantity"], "7");
    explain(&world, &ada, &invoice).await;
}

#[tokio::test]
async fn an_invoice_never_changes_and_a_changed_row_is_noticed() {
    let (world, ada) = World::with_prices().await;
    use_the_forum(&world, &ada).await;
    let invoice = world.close(&ada, &ada.cycle).await;
    let conn = &mut *world.platform.pool.acquire().await.unwrap();
    for change in [
        "UPDATE invoice SET total_minor = 0",
        "DELETE FROM invoice",
        "UPDATE invoice_line SET amount_minor = 0",
        "DELETE FROM invoice_line",
        "DELETE FROM invoice_line_interval",
        "UPDATE usage_event SET quantity = 9",
        "DELETE FROM usage_event",
        "UPDATE usage_part SET line_id = NULL",
        "UPDATE usage_part SET quantity = 9",
        "DELETE FROM usage_part",
        "UPDATE invoice_status SET number = 7",
        "DELETE FROM invoice_status",
    ] {
        let refused = sqlx::query(change).execute(&mut *conn).await.expect_err(change).to_string();
        assert!(refused.contains("is finalized") || refused.contains("is never changed"), "{change}: {refused}");
    }
    // Somebody with every right on the database goes round the triggers.
    sqlx::query("SET session_replication_role = replica").execute(&mut *conn).await.unwrap();
    sqlx::query("UPDATE usage_event SET quantity = 1 WHERE key = 'posts:2'").execute(conn).await.unwrap();
    let line = invoice["lines"][2]["id"].as_str().unwrap();
    let path = format!("/v1/invoices/{}/lines/{line}/explain", invoice["id"].as_str().unwrap());
    let explanation = world.get(&ada.token, &path).await;
    assert_eq!((&explanation["equal"], &explanation["recomputed_amount_minor"]), (&false.into(), &1.into()));
}
