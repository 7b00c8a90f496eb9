//! What a service's database has: the tables that every service has, then its own.

use messaging::tables::NotMigrated;
use sqlx::{PgConnection, migrate::Migrator};

/// What makes the tables that every service has.
pub fn shared() -> [Migrator; 3] {
    [messaging::tables::migrator(), idempotency::migrator(), audit::migrator()]
}

/// Brings a service's database up to date.
pub async fn migrate(conn: &mut PgConnection, own: &Migrator) -> Result<(), NotMigrated> {
    messaging::tables::migrate(conn, &idempotency::migrator()).await?;
    messaging::tables::run(conn, own).await?;
    messaging::tables::run(conn, &audit::migrator()).await
}
