//! Tests of documents that cannot be made at once: S3 is away, or whoever makes them dies.

use crate::{
    documents_world::{Rendering, answer, document, download, give_details},
    payments_world::invoiced,
    plans::posts,
};
use serde_json::json;
use sqlx::PgPool;

/// Whoever says that a document is there dies while it does so, the first two times.
const DEATH: &str = "
    CREATE SEQUENCE deaths;
    GRANT USAGE ON SEQUENCE deaths TO PUBLIC;
    CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        IF nextval('deaths') <= 2 THEN
            PERFORM pg_terminate_backend(pg_backend_pid());
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER dies BEFORE UPDATE ON invoice_document FOR EACH ROW WHEN (NEW.state = 'rendered')
    EXECUTE FUNCTION die()";
/// As if the commit had never been: the database keeps what is rendered, and a test goes round that.
const FORGET: &str = "UPDATE invoice_document SET state = 'pending', next_at = now(), rendered_at = NULL,
    pdf_sha256 = NULL, pdf_bytes = NULL, xml_sha256 = NULL, xml_bytes = NULL WHERE invoice_id = $1::uuid";

/// Somebody waits for the account, which a test holds.
const WAITING: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%FROM account WHERE%FOR NO KEY UPDATE%'";
const DETAILS: &str =
    "INSERT INTO account_details (tenant_id, legal_name, address_lines, city, country, updated_at, updated_by)
    VALUES ($1, 'Acme GmbH', '{Hauptstraße 1}', 'Berlin', 'DE', now(), 'user:ada')";

async fn forget(pool: &PgPool, invoice: &str) {
    let mut tx = pool.begin().await.unwrap();
    sqlx::query("SET LOCAL session_replication_role = replica").execute(&mut *tx).await.unwrap();
    assert_eq!(sqlx::query(FORGET).bind(invoice).execute(&mut *tx).await.unwrap().rows_affected(), 1);
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn while_the_bucket_is_away_a_document_waits_and_then_is_made() {
    let rendering = Rendering::start().await;
    let world = &rendering.world;
    rendering.bucket.bucket.teardown().await.unwrap();
    let ada = world.customer().await;
    give_details(world, &ada).await;
    let id = invoiced(world, &ada).await;
    let seen = rendering.seen(&ada, "it was tried", |document| document["repeats"] == 1).await;
    assert_eq!((&seen["state"], seen["reason"].is_string()), (&"pending".into(), true), "{seen}");
    answer(world, &ada, &id).await.problem(404, "document_not_ready");
    rendering.render(&ada, &id).await.expect(202);
    rendering.seen(&ada, "it was tried again", |document| document["repeats"] == 2).await;
    rendering.bucket.bucket.provision().await.unwrap();
    rendering.render(&ada, &id).await.expect(202);
    let files = document(world, &ada, &id).await;
    download(&files["pdf"]).await;
}

/// What ends whoever renders it, such as a want of memory, ends no more of them than a few.
#[tokio::test]
async fn a_document_of_which_renderers_die_waits_for_an_operator() {
    let rendering = Rendering::start().await;
    let world = &rendering.world;
    rendering.bucket.bucket.teardown().await.unwrap();
    let ada = world.customer().await;
    give_details(world, &ada).await;
    let id = invoiced(world, &ada).await;
    rendering.seen(&ada, "it was tried", |document| document["repeats"] == 1).await;
    // The renderer that holds it dies with it, and is found at its next look.
    let died = "UPDATE invoice_document SET deaths = 5, next_at = now() WHERE tenant_id = $1 AND deaths = 0";
    assert_eq!(sqlx::query(died).bind(ada.tenant.0).execute(&world.platform.pool).await.unwrap().rows_affected(), 1);
    let seen = rendering.seen(&ada, "it is refused", |document| document["state"] == "refused").await;
    assert_eq!(seen["refusal"], "not_rendered", "{seen}");
    rendering.bucket.bucket.provision().await.unwrap();
    rendering.render(&ada, &id).await.expect(202);
    document(world, &ada, &id).await;
}

/// The renderer has read that there are no details, and somebody gives them before it says so.
#[tokio::test]
async fn details_that_are_given_while_a_document_is_refused_are_not_missed() {
    let rendering = Rendering::start().await;
    let world = &rendering.world;
    let ada = world.customer().await;
    let mut tx = world.platform.pool.begin().await.unwrap();
    let hold = "SELECT FROM account WHERE tenant_id = $1 FOR NO KEY UPDATE";
    sqlx::query(hold).bind(ada.tenant.0).execute(&mut *tx).await.unwrap();
    let id = invoiced(world, &ada).await;
    world.counted(WAITING, 1).await;
    sqlx::query(DETAILS).bind(ada.tenant.0).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    document(world, &ada, &id).await;
}

/// A unit that nobody can see, which no document takes.
#[tokio::test]
async fn an_invoice_that_no_receiver_would_take_is_parked_with_the_rule() {
    let rendering = Rendering::start().await;
    let world = &rendering.world;
    let mut rate = posts("sum", &json!({"model": "per_unit", "price": "1"}));
    rate["unit"] = "\u{2060}".into();
    let ada = world.team(&[rate]).await;
    give_details(world, &ada).await;
    world.say(&world.posts(&ada, "posts:1", 1, 10)).await;
    world.metered(&ada, "1").await;
    let invoice = world.close(&ada, &ada.cycle).await;
    let seen = rendering.seen(&ada, "it is refused", |document| document["state"] == "refused").await;
    assert_eq!((&seen["refusal"], &seen["reason"]), (&json!("invoice_refused"), &json!("the unit is missing")));
    let refused = answer(world, &ada, invoice["id"].as_str().unwrap()).await;
    refused.problem(404, "document_refused");
}

#[tokio::test]
async fn whoever_dies_between_the_file_and_the_commit_leaves_the_same_file() {
    let rendering = Rendering::start().await;
    let world = &rendering.world;
    sqlx::raw_sql(DEATH).execute(&world.platform.pool).await.unwrap();
    let _other = world.platform.run::<billing::Billing>(world.settings.clone()).await;
    let ada = world.customer().await;
    give_details(world, &ada).await;
    let id = invoiced(world, &ada).await;
    for repeats in 1..=2 {
        rendering.seen(&ada, "somebody died", |document| document["repeats"] == repeats).await;
        rendering.render(&ada, &id).await.expect(202);
    }
    let files = document(world, &ada, &id).await;
    assert_eq!(world.count("SELECT last_value FROM deaths").await, 3);
    let (first, _) = download(&files["pdf"]).await;

    // The same invoice gives the same bytes, under the same key.
    forget(&world.platform.pool, &id).await;
    rendering.render(&ada, &id).await.expect(202);
    let again = document(world, &ada, &id).await;
    assert_eq!((&again["pdf"]["sha256"], &again["xml"]["sha256"]), (&files["pdf"]["sha256"], &files["xml"]["sha256"]));
    assert_eq!(download(&again["pdf"]).await.0, first);
}
