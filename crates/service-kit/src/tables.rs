//! What a service's database has: the tables that every service has, then its own.

use messaging::tables::NotMigrated;
use sqlx::{PgConnection, migrate::Migrator};

/// What makes the tables that every service has, in the order in which they are made.
pub fn shared() -> [Migrator; 2] {
    [messaging::tables::migrator(), idempotency::migrator()]
}

/// Brings a service's database up to date.
pub async fn migrate(conn: &mut PgConnection, own: &Migrator) -> Result<(), NotMigrated> {
    messaging::tables::migrate(conn, &idempotency::migrator()).await?;
    Ok(own.run(conn).await?)
}
