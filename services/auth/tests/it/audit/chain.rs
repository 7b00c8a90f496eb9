//! The chain: it has no gaps whoever writes at the same time, it is written with the change or not at all, and whoever
//! rewrites it is found out.

use super::{actions, client, forge, page, reader, row};
use crate::support::{World, text};
use audit::{Entry, note, note_of_platform};
use contracts::id::TenantId;
use serde_json::{Value, json};
use test_support::background;

async fn verdict(world: &World, token: &str) -> Value {
    world.server.get("/v1/identity-audit/verification").bearer(token).await.expect(200)
}

#[tokio::test]
async fn an_entry_commits_with_its_change_or_not_at_all() {
    let (world, ada, token) = reader().await;
    // The change of a request is refused by the database as late as can be.
    let refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
        CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON clients DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION refuse()";
    sqlx::raw_sql(refuse).execute(&world.platform.pool).await.unwrap();
    world.server.post("/v1/clients", &json!({"name": "robot"})).bearer(&token).await.expect(500);
    sqlx::raw_sql("DROP TRIGGER refuse ON clients").execute(&world.platform.pool).await.unwrap();
    // And the entry of a change is.
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION refuse()";
    sqlx::raw_sql(refuse).execute(&world.platform.pool).await.unwrap();
    world.server.post("/v1/clients", &json!({"name": "robot"})).bearer(&token).await.expect(500);
    sqlx::raw_sql("DROP TRIGGER refuse ON audit").execute(&world.platform.pool).await.unwrap();
    assert_eq!((world.count("clients").await, actions(&page(&world, &token, "").await).len()), (0, 3));
    let mut tx = background().begin(&world.platform.db(), ada.tenant).await.unwrap();
    note(&mut tx, Entry::new("test.made", "x"));
    drop(tx);
    assert_eq!(verdict(&world, &token).await, json!({"whole": true, "version": 3, "verified_through": 3}));
}

#[tokio::test]
async fn writers_of_one_chain_leave_no_gap() {
    let (world, ada, token) = reader().await;
    let db = world.platform.db();
    let write = async |number: i32| {
        let mut tx = background().begin(&db, ada.tenant).await.unwrap();
        // Both chains, noted in either order.
        let entry = || Entry::new("test.made", format!("number:{number}"));
        if number % 2 == 0 {
            note(&mut tx, entry());
            note_of_platform(&mut tx, entry());
        } else {
            note_of_platform(&mut tx, entry());
            note(&mut tx, entry());
        }
        tx.commit().await.unwrap();
    };
    futures_util::future::join_all((0..100).map(write)).await;
    assert_eq!(verdict(&world, &token).await, json!({"whole": true, "version": 103, "verified_through": 103}));
}

#[tokio::test]
async fn the_record_cannot_be_rewritten_and_a_forgery_is_found() {
    let (world, ada, token) = reader().await;
    client(&world, &token, "robot").await;
    for refused in [
        "UPDATE audit SET actor = 'user:x'",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "DELETE FROM audit_heads",
        "TRUNCATE audit_heads",
        "UPDATE audit_heads SET version = 1",
    ] {
        // As the service's own role, which owns the tables, and as an administrator.
        let mut tx = background().begin_across_tenants(&world.platform.db()).await.unwrap();
        let own = sqlx::query(refused).execute(&mut *tx).await.unwrap_err().to_string();
        let error = sqlx::query(refused).execute(&world.platform.pool).await.unwrap_err().to_string();
        assert!(error.contains("only appended to") && own.contains("only appended to"), "{refused}: {error}, {own}");
    }
    let broken = |at: i64, fault: &str| json!({"whole": false, "version": 5, "verified_through": at - 1, "broken_at": at, "fault": fault});
    let tenant = ada.tenant;
    let set = |what: &str, version: i64| {
        format!("UPDATE audit SET {what} WHERE tenant_id = '{tenant}' AND version = {version}")
    };
    let keep = "CREATE TABLE kept AS SELECT id, tenant_id, version, at, actor, action, target, origin, before, after, previous, hash
                FROM audit; CREATE TABLE kept_heads AS SELECT * FROM audit_heads";
    sqlx::raw_sql(keep).execute(&world.platform.pool).await.unwrap();
    let restore = async || {
        let columns = "id, tenant_id, version, at, actor, action, target, origin, before, after, previous, hash";
        let all = format!(
            "DELETE FROM audit; DELETE FROM audit_heads; INSERT INTO audit ({columns}) SELECT {columns} FROM kept;
                           INSERT INTO audit_heads SELECT * FROM kept_heads"
        );
        forge(&world, &all).await;
        assert_eq!(verdict(&world, &token).await, json!({"whole": true, "version": 5, "verified_through": 5}));
    };
    let rehash = format!("UPDATE audit entry SET hash = audit_hash(entry) WHERE tenant_id = '{tenant}'");
    for (forgery, expected) in [
        (set("actor = 'user:x'", 2), broken(2, "changed")),
        (set("after = '{}'", 4), broken(4, "changed")),
        (format!("{}; {rehash} AND version = 2", set("actor = 'user:x'", 2)), broken(3, "unlinked")),
        (format!("{}; {rehash} AND version = 5", set("actor = 'user:x'", 5)), broken(5, "changed")),
        (format!("DELETE FROM audit WHERE tenant_id = '{tenant}' AND version = 3"), broken(3, "missing")),
        (format!("DELETE FROM audit WHERE tenant_id = '{tenant}' AND version = 1"), broken(1, "missing")),
        (format!("DELETE FROM audit WHERE tenant_id = '{tenant}' AND version >= 4"), broken(4, "missing")),
        (
            format!("{}; {}; {}", set("version = 9", 2), set("version = 2", 3), set("version = 3", 9)),
            broken(2, "changed"),
        ),
        (
            format!("{}; {}; {}; {rehash}", set("version = 9", 2), set("version = 2", 3), set("version = 3", 9)),
            broken(2, "unlinked"),
        ),
        (format!("UPDATE audit_heads SET hash = '' WHERE tenant_id = '{tenant}'"), broken(5, "changed")),
    ] {
        forge(&world, &forgery).await;
        assert_eq!(verdict(&world, &token).await, expected, "{forgery}");
        restore().await;
    }
    forge(&world, &format!("DELETE FROM audit_heads WHERE tenant_id = '{tenant}'")).await;
    let beheaded = verdict(&world, &token).await;
    assert_eq!((&beheaded["broken_at"], text(&beheaded, "fault")), (&json!(1), "unlinked"));
    restore().await;
    // What is broken stops nobody from changing something, and stays broken.
    forge(&world, &format!("DELETE FROM audit WHERE tenant_id = '{tenant}' AND version = 5")).await;
    client(&world, &token, "another").await;
    let later = verdict(&world, &token).await;
    assert_eq!((&later["broken_at"], text(&later, "fault"), &later["version"]), (&json!(5), "missing", &json!(7)));
}

/// A request verifies a piece, and says how far it came.
#[tokio::test]
async fn a_long_chain_is_verified_in_pieces() {
    let (world, ada, token) = reader().await;
    let many = format!(
        "DO $$ BEGIN FOR version IN 4..10500 LOOP
         PERFORM audit_append(gen_random_uuid(), '{}', now(), 'client:x', 'test.made', 'x', '{{}}', NULL, NULL);
         IF version % 100 = 0 THEN COMMIT; END IF; END LOOP; END $$",
        ada.tenant
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(many)).execute(&world.platform.pool).await.unwrap();
    assert_eq!(verdict(&world, &token).await, json!({"whole": true, "version": 10_500, "verified_through": 10_000}));
    let rest = "/v1/identity-audit/verification?after=10000";
    let rest = world.server.get(rest).bearer(&token).await.expect(200);
    assert_eq!(rest, json!({"whole": true, "version": 10_500, "verified_through": 10_500}));
    let broken = row(&world, TenantId(ada.tenant.0), 10_400).await;
    forge(&world, &format!("UPDATE audit SET actor = 'y' WHERE id = '{broken}'")).await;
    assert_eq!(verdict(&world, &token).await["whole"], json!(true), "as far as it was verified");
}
