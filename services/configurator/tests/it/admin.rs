//! A role that makes databases, whose works are removed at the end of a test.

use configurator::provisioning::server::Names;
use contracts::id::InstanceId;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::sync::Mutex;
use test_support::TestPlatform;

/// A role with CREATEDB and CREATEROLE that is no superuser.
pub struct Admin {
    name: String,
    pub url: String,
    registry_url: String,
    /// Instances that have no row.
    pub unlisted: Mutex<Vec<InstanceId>>,
}

pub async fn superuser() -> PgConnection {
    PgConnection::connect(&superuser_url()).await.expect("connecting to PostgreSQL")
}

fn superuser_url() -> String {
    std::env::var("TEST_DATABASE_URL").expect("set by cargo xtask test")
}

pub async fn statement(connection: &mut PgConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.expect("an administrator's statement");
}

impl Admin {
    pub async fn create(platform: &TestPlatform) -> Self {
        let name = format!("{}_admin", platform.name);
        let create = format!("CREATE ROLE {name} LOGIN CREATEDB CREATEROLE PASSWORD 'admin-of-a-test'");
        statement(&mut superuser().await, create).await;
        let superuser_url = superuser_url();
        let (_, server) = superuser_url.rsplit_once('@').expect("a URL with a user");
        let url = format!("postgres://{name}:admin-of-a-test@{server}");
        Self { name, url, registry_url: platform.superuser_url(), unlisted: Mutex::default() }
    }

    /// Stops whoever still works as this role, then removes it with every database and role that it made.
    async fn remove(&self) {
        let mut registry = PgConnection::connect(&self.registry_url).await.expect("connecting to the registry");
        let made: Vec<_> =
            sqlx::query_scalar("SELECT id FROM instances").fetch_all(&mut registry).await.expect("instances");
        let unlisted = self.unlisted.lock().expect("no panic").clone();
        let (name, mut superuser) = (&self.name, superuser().await);
        statement(&mut superuser, format!("ALTER ROLE {name} NOLOGIN")).await;
        let ended = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE usename = $1";
        sqlx::query(ended).bind(name).execute(&mut superuser).await.expect("ending connections");
        for id in made.into_iter().map(InstanceId).chain(unlisted) {
            let Names { database, owner, app } = id.into();
            statement(&mut superuser, format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)")).await;
            statement(&mut superuser, format!("DROP ROLE IF EXISTS {owner}")).await;
            statement(&mut superuser, format!("DROP ROLE IF EXISTS {app}")).await;
        }
        statement(&mut superuser, format!("DROP ROLE {name}")).await;
    }
}

impl Drop for Admin {
    /// On a thread and a runtime of its own, because the test's is busy dropping.
    fn drop(&mut self) {
        let cleaned = std::thread::scope(|scope| {
            let clean = || {
                tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .expect("a runtime")
                    .block_on(self.remove())
            };
            scope.spawn(clean).join()
        });
        assert!(cleaned.is_ok() || std::thread::panicking(), "the test left databases behind");
    }
}
