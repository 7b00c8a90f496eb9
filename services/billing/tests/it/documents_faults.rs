//! Tests of documents that cannot be made at once: S3 is away, or whoever makes them dies.

use crate::{
    documents_world::{Rendering, answer, document, download, give_details},
    payments_world::invoiced,
};
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
