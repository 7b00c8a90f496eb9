//! The pool, as all that runs in the background uses it: a connection serves many, and nobody gets one in
//! which a transaction is open.

use crate::world::World;
use common::{config::Database, db};
use std::collections::BTreeSet;

/// As sqlx leaves it when a transaction is given up while it begins: then nobody rolls it back.
#[tokio::test]
async fn a_transaction_that_was_left_open_is_met_by_nobody() {
    let world = World::start().await;
    let settings = Database { url: world.superuser_url().into(), max_connections: 1 };
    let pool = db::connect(&settings).unwrap();
    let mut left = pool.acquire().await.unwrap();
    let scoped = "BEGIN; SET LOCAL sevenleague.tenant = '*'; INSERT INTO effects VALUES (gen_random_uuid())";
    sqlx::raw_sql(scoped).execute(&mut *left).await.unwrap();
    drop(left);
    let scope = "SELECT coalesce(current_setting('sevenleague.tenant', true), '')";
    let found: String = sqlx::query_scalar(scope).fetch_one(&pool).await.unwrap();
    assert_eq!(found, "", "the scope of another transaction");
    let written: i64 = sqlx::query_scalar("SELECT count(*) FROM effects").fetch_one(&pool).await.unwrap();
    assert_eq!(written, 0, "what nobody has committed");
}

#[tokio::test]
async fn a_connection_is_used_again_and_again() {
    let world = World::start().await;
    let settings = Database { url: world.superuser_url().into(), max_connections: 1 };
    let pool = db::connect(&settings).unwrap();
    let mut used = BTreeSet::new();
    for _ in 0..10 {
        let mut tx = pool.begin().await.unwrap();
        used.insert(sqlx::query_scalar::<_, i32>("SELECT pg_backend_pid()").fetch_one(&mut *tx).await.unwrap());
        tx.commit().await.unwrap();
    }
    assert_eq!(used.len(), 1, "connections were opened anew: {used:?}");
}
