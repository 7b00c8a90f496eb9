//! SQL that a job runs in an instance's database: each file once, whoever dies in between, under a lock of the whole
//! database and in one transaction with its row in the ledger.

use super::{
    access::{Opened, refusal as fault},
    bundle::Script,
};
use crate::handlers::Fault;
use contracts::{instance_database, manifest::Meter};
use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// "worker" in ASCII: the advisory lock of whoever changes this database; such locks are of one database.
const LOCK: i64 = 0x776f_726b_6572;

/// Which files were run.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ledger {
    Migrations,
    Seeds,
}

impl Ledger {
    fn contains(self) -> &'static str {
        match self {
            Self::Migrations => "SELECT EXISTS (SELECT FROM platform.migrations WHERE name = $1)",
            Self::Seeds => "SELECT EXISTS (SELECT FROM platform.seeds WHERE name = $1)",
        }
    }

    fn insert(self) -> &'static str {
        match self {
            Self::Migrations => "INSERT INTO platform.migrations (name) VALUES ($1)",
            Self::Seeds => "INSERT INTO platform.seeds (name) VALUES ($1)",
        }
    }
}

/// The only worker that changes an instance's database, until it is dropped.
pub(super) struct Session {
    connection: PgConnection,
    app_role: String,
}

impl Session {
    /// Waits, up to the session's `lock_timeout`, for another worker to be through or to be found dead; then makes sure
    /// of the schema `platform`.
    pub async fn begin(Opened { mut connection, app_role }: Opened) -> Result<Self, Fault> {
        let locked = sqlx::query("SELECT pg_advisory_lock($1)").bind(LOCK).execute(&mut connection).await;
        locked.map_err(|error| fault("another worker is in the instance's database", error))?;
        let mut session = Self { connection, app_role };
        session.run("the schema platform", instance_database::SCHEMA.to_owned()).await?;
        Ok(session)
    }

    /// Runs `script` if the ledger has no row of it; `false` means that it has.
    pub async fn apply(
        &mut self,
        ledger: Ledger,
        script: &Script,
        settings: Option<&Map<String, Value>>,
    ) -> Result<bool, Fault> {
        let failed = |error| fault(&script.name, error);
        let mut tx = self.connection.begin().await.map_err(failed)?;
        if sqlx::query_scalar(ledger.contains()).bind(&script.name).fetch_one(&mut *tx).await.map_err(failed)? {
            return Ok(false);
        }
        // What the file before has set for itself ends here.
        sqlx::raw_sql("RESET ALL").execute(&mut *tx).await.map_err(failed)?;
        if let Some(settings) = settings {
            let settings = Value::Object(settings.clone()).to_string();
            sqlx::query("SELECT set_config('seed.settings', $1, true)")
                .bind(settings)
                .execute(&mut *tx)
                .await
                .map_err(failed)?;
        }
        let before = transaction_id(&mut tx).await.map_err(failed)?;
        sqlx::raw_sql(AssertSqlSafe(script.sql.clone())).execute(&mut *tx).await.map_err(failed)?;
        if transaction_id(&mut tx).await.map_err(failed)? != before {
            return Err(Fault::permanent(format!(
                "{} ends its transaction itself; a file must contain no COMMIT or ROLLBACK",
                script.name
            )));
        }
        sqlx::query(ledger.insert()).bind(&script.name).execute(&mut *tx).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(true)
    }

    /// Counts each row inserted in the meters' tables from now on; gives the meters whose table is not there.
    pub async fn meter(&mut self, meters: &[Meter]) -> Result<Vec<String>, Fault> {
        let mut missing = Vec::new();
        for meter in meters {
            let what = format!("the meter {}", meter.name);
            let found = sqlx::query_scalar("SELECT to_regclass('public.' || quote_ident($1)) IS NOT NULL")
                .bind(&meter.table)
                .fetch_one(&mut self.connection)
                .await;
            if found.map_err(|error| fault(&what, error))? {
                self.run(&what, instance_database::trigger(meter)).await?;
            } else {
                missing.push(format!("the meter '{}' has no table '{}'", meter.name, meter.table));
            }
        }
        Ok(missing)
    }

    /// Lets the product's role use what is there, and what later migrations make.
    pub async fn grant(&mut self) -> Result<(), Fault> {
        let sql = instance_database::grants(&self.app_role);
        self.run("the grants", sql).await
    }

    /// Gives up the lock and the connection.
    pub async fn end(self) {
        // Only politeness: PostgreSQL ends a session whose client is gone.
        let _ = self.connection.close().await;
    }

    /// Several statements without a transaction of their own are one transaction.
    async fn run(&mut self, what: &str, sql: String) -> Result<(), Fault> {
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut self.connection)
            .await
            .map(drop)
            .map_err(|error| fault(what, error))
    }
}

async fn transaction_id(connection: &mut PgConnection) -> sqlx::Result<String> {
    sqlx::query_scalar("SELECT pg_current_xact_id()::text").fetch_one(connection).await
}
