//! How a database gets the tables of messages.

use crate::world::World;
use messaging::tables::{NotMigrated, migrate};
use sqlx::migrate::Migrator;

#[tokio::test]
async fn a_database_of_before_is_refused_and_a_second_run_changes_nothing() {
    let world = World::start().await;
    let mut conn = world.pool.acquire().await.unwrap();
    migrate(&mut conn, &Migrator::DEFAULT).await.unwrap();
    sqlx::raw_sql("DROP TABLE _messaging_migrations").execute(&mut *conn).await.unwrap();
    assert!(matches!(migrate(&mut conn, &Migrator::DEFAULT).await, Err(NotMigrated::TooOld)));
}

#[tokio::test]
async fn a_database_whose_tables_were_made_otherwise_is_refused_and_told_to_be_reset() {
    let world = World::start().await;
    let mut conn = world.pool.acquire().await.unwrap();
    let ledger = messaging::tables::migrator().table_name;
    let rewrite = format!("UPDATE {ledger} SET checksum = '\\x00' WHERE version = 2");
    sqlx::query(sqlx::AssertSqlSafe(rewrite)).execute(&mut *conn).await.unwrap();
    let refused = migrate(&mut conn, &Migrator::DEFAULT).await.unwrap_err();
    assert!(matches!(refused, NotMigrated::Rewritten(2)) && refused.to_string().ends_with("run cargo xtask reset"));
}
