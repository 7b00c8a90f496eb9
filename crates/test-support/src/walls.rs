//! Test of the wall between tenants: every table with tenants' rows has one, and it holds the role that the service
//! logs in as.

use crate::{TestPlatform, background, eventually};
use common::db::{self, Db};
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection, PgPool, postgres::PgPoolOptions};
use std::ops::DerefMut;

/// Tables that have a tenant and no wall.
const UNWALLED: &str = "
    SELECT relname::text FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attname = 'tenant_id'
    AND NOT attisdropped
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
      AND NOT (relrowsecurity AND relforcerowsecurity AND EXISTS (SELECT FROM pg_policy
      WHERE polrelid = pg_class.oid))";

const WALLED: &str = "
    SELECT relname::text AS name, first.attname::text AS column, tenant.attname IS NOT NULL AS has_tenant,
        (SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute
         WHERE attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '') AS columns
    FROM pg_class
    JOIN pg_attribute first ON first.attrelid = pg_class.oid AND first.attnum = 1
    LEFT JOIN pg_attribute tenant ON tenant.attrelid = pg_class.oid AND tenant.attname = 'tenant_id'
    AND NOT tenant.attisdropped
    WHERE relnamespace = 'public'::regnamespace AND relrowsecurity AND relforcerowsecurity";

/// SQLSTATEs of what a policy does not let in, and of what nobody may change.
const REFUSED: [&str; 2] = ["42501", "23001"];

#[derive(sqlx::FromRow)]
struct Table {
    name: String,
    /// Any column, to be set to what it is.
    column: String,
    /// Every column that can be written, as in a list of SQL.
    columns: String,
    has_tenant: bool,
}

/// Needs rows in each of `tables`, which are what the test is about; every other walled table that has rows is tried as
/// well.
pub async fn tenant_walls(platform: &TestPlatform, tables: &[&str]) {
    let unwalled: Vec<String> = sqlx::query_scalar(UNWALLED).fetch_all(&platform.pool).await.expect("the catalogs");
    assert_eq!(unwalled, Vec::<String>::new(), "a migration must give these tables a wall");
    // One connection for all, so that what one transaction was allowed would be seen to stick to it.
    let service = PgPoolOptions::new()
        .max_connections(1)
        .connect(&platform.env()["DATABASE_URL"])
        .await
        .expect("the service's role");
    assert!(!is_above_walls(&service).await, "the service under test must be a plain role");
    assert!(is_above_walls(&platform.pool).await, "the test itself must see everything");
    let walled: Vec<Table> = sqlx::query_as(WALLED).fetch_all(&platform.pool).await.expect("the catalogs");
    for expected in tables {
        let table =
            walled.iter().find(|table| table.name == *expected).unwrap_or_else(|| panic!("{expected} has no wall"));
        assert!(table.count_all(platform).await > 0, "the test must leave rows in {expected}");
    }
    let db = Db::new(service.clone(), platform.db().service(), platform.ambient.clone());
    for table in &walled {
        table.holds(platform, &db).await;
    }
    service.close().await;
}

async fn is_above_walls(pool: &PgPool) -> bool {
    db::is_above_walls(&mut pool.acquire().await.expect("a connection")).await.expect("the role's attributes")
}

impl Table {
    async fn holds(&self, platform: &TestPlatform, service: &Db) {
        let name = &self.name;
        eventually(&format!("the platform sees every row of {name}"), async || {
            let seen = self.count(&mut background().begin_across_tenants(service).await.expect("a transaction")).await;
            (seen == self.count_all(platform).await).then_some(())
        })
        .await;
        let row = format!("SELECT to_jsonb(own) FROM {name} own {} ORDER BY ctid LIMIT 1", self.of_a_tenant());
        let row: Option<Value> =
            sqlx::query_scalar(AssertSqlSafe(row)).fetch_optional(&platform.pool).await.expect("a row");
        let nobody = async || service.pool().begin().await.expect("a transaction");
        let stranger = async || background().begin(service, platform.tenant()).await.expect("a transaction");
        assert_eq!(self.count(&mut *nobody().await).await, 0, "who names no tenant sees rows of {name}");
        assert_eq!(self.count(&mut *stranger().await).await, 0, "a stranger sees rows of {name}");
        for write in [format!("UPDATE {name} SET {0} = {0}", self.column), format!("DELETE FROM {name}")] {
            refused(nobody().await, &write, None).await;
            refused(stranger().await, &write, None).await;
        }
        let columns = &self.columns;
        let write =
            format!("INSERT INTO {name} ({columns}) SELECT {columns} FROM jsonb_populate_record(NULL::{name}, $1)");
        refused(nobody().await, &write, row.as_ref()).await;
        refused(stranger().await, &write, row.as_ref()).await;
    }

    /// Rows of no tenant, such as built-in roles, may be seen by all.
    fn of_a_tenant(&self) -> &'static str {
        if self.has_tenant { "WHERE tenant_id IS NOT NULL" } else { "" }
    }

    async fn count(&self, conn: &mut PgConnection) -> i64 {
        let count = format!("SELECT count(*) FROM {} {}", self.name, self.of_a_tenant());
        sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(conn).await.expect("a count")
    }

    async fn count_all(&self, platform: &TestPlatform) -> i64 {
        self.count(&mut platform.pool.acquire().await.expect("a connection")).await
    }
}

/// Nothing is written: no row is found to be changed, or the row that is shown is not let in.
async fn refused(mut tx: impl DerefMut<Target = PgConnection>, write: &str, row: Option<&Value>) {
    let query = sqlx::query(AssertSqlSafe(write.to_owned()));
    let written = match row {
        Some(row) => query.bind(row).execute(&mut *tx).await,
        None if write.contains("$1") => return,
        None => query.execute(&mut *tx).await,
    };
    match written {
        Ok(done) => assert_eq!((done.rows_affected(), row), (0, None), "{write}"),
        Err(error) => {
            let code = error.as_database_error().and_then(|error| error.code());
            assert!(code.is_some_and(|code| REFUSED.contains(&&*code)), "{write}: {error}");
        }
    }
}
