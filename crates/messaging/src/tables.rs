//! What each service's database has before its own tables: those of messages, and the wall between tenants.

use sqlx::{
    PgConnection,
    migrate::{MigrateError, Migrator},
};

/// Where PostgreSQL remembers which of our files have run; a service's own have `_sqlx_migrations`.
const LEDGER: &str = "_messaging_migrations";

/// What makes them.
pub fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!("./migrations");
    migrator.dangerous_set_table_name(LEDGER);
    migrator
}

/// Why a database does not get the tables.
#[derive(Debug, thiserror::Error)]
pub enum NotMigrated {
    #[error(
        "this database was made when each service had the tables of messages in files of its own: run cargo xtask reset"
    )]
    TooOld,
    #[error("the database cannot be looked into")]
    Database(#[from] sqlx::Error),
    #[error("a file of the migrations did not run")]
    Migrate(#[from] MigrateError),
}

/// Brings a database up to date: these tables, then `own`.
pub async fn migrate(conn: &mut PgConnection, own: &Migrator) -> Result<(), NotMigrated> {
    let (outbox, ledger): (bool, bool) =
        sqlx::query_as("SELECT to_regclass('outbox') IS NOT NULL, to_regclass($1) IS NOT NULL")
            .bind(LEDGER)
            .fetch_one(&mut *conn)
            .await?;
    if outbox && !ledger {
        return Err(NotMigrated::TooOld);
    }
    migrator().run(&mut *conn).await?;
    Ok(own.run(conn).await?)
}
