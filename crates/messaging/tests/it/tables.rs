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
