//! What each service's database has before its own tables: those of messages, and the wall between tenants.

use sqlx::{
    PgConnection,
    migrate::{AppliedMigration, Migrate, MigrateError, Migrator},
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
    #[error(
        "this database was made by a version whose file {0} of the migrations was another one: run cargo xtask reset"
    )]
    Rewritten(i64),
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
    run(conn, &migrator()).await?;
    run(conn, own).await
}

/// Runs what has not run yet, unless something ran in another form than it has now.
pub async fn run(conn: &mut PgConnection, files: &Migrator) -> Result<(), NotMigrated> {
    match rewritten(conn, files).await? {
        Some(version) => Err(NotMigrated::Rewritten(version)),
        None => Ok(files.run(conn).await?),
    }
}

/// The first of the files that ran in another form than it has now.
async fn rewritten(conn: &mut PgConnection, files: &Migrator) -> Result<Option<i64>, MigrateError> {
    let exists: bool =
        sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL").bind(&*files.table_name).fetch_one(&mut *conn).await?;
    if !exists {
        return Ok(None);
    }
    let ran = conn.list_applied_migrations(&files.table_name).await?;
    let differs =
        |ran: &AppliedMigration| files.iter().any(|file| file.version == ran.version && file.checksum != ran.checksum);
    Ok(ran.iter().find(|ran| differs(ran)).map(|ran| ran.version))
}
