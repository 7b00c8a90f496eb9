//! Databases of tests: copies of the service's migrated template, owned by a plain role, as everywhere else.

use crate::environment;
use sqlx::{Connection, PgConnection, migrate::Migrator};

/// Owns the databases of all tests and is what the services under test log in as: no wall between tenants holds a
/// superuser.
const ROLE: &str = "service_under_test";
const PASSWORD: &str = "only-for-tests";

/// A copy of the migrated template of the service; the first test of a run makes the template.
pub(crate) async fn create(name: &str, service: &str, migrator: &Migrator) {
    let mut admin = connect_as_superuser("postgres").await;
    let shared = service_kit::tables::shared();
    let checksum: u64 = shared
        .iter()
        .flat_map(Migrator::iter)
        .chain(migrator.iter())
        .flat_map(|migration| migration.checksum.iter())
        .fold(17, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    let template = format!("template_{service}_{checksum:016x}_owned");
    create_role(&mut admin).await;
    lock(&mut admin, &template).await;
    if !exists(&mut admin, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", &template).await {
        let raw = format!("{template}_raw");
        statement(&mut admin, format!("DROP DATABASE IF EXISTS {raw} WITH (FORCE)")).await;
        statement(&mut admin, format!("CREATE DATABASE {raw} OWNER {ROLE}")).await;
        let mut connection = PgConnection::connect(&plain_url(&raw)).await.expect("connecting to the template");
        service_kit::tables::migrate(&mut connection, migrator).await.expect("migrating the template");
        connection.close().await.expect("closing the template");
        statement(&mut admin, format!("ALTER DATABASE {raw} RENAME TO {template}")).await;
    }
    unlock(&mut admin, &template).await;
    statement(&mut admin, format!("CREATE DATABASE {name} OWNER {ROLE} TEMPLATE {template}")).await;
}

pub(crate) async fn drop(name: &str) {
    statement(&mut connect_as_superuser("postgres").await, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        .await;
}

async fn create_role(admin: &mut PgConnection) {
    lock(admin, ROLE).await;
    if !exists(admin, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", ROLE).await {
        statement(admin, format!("CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'")).await;
    }
    unlock(admin, ROLE).await;
}

/// Other tests wait, also those of other processes.
async fn lock(admin: &mut PgConnection, what: &str) {
    sqlx::query("SELECT pg_advisory_lock(hashtext($1))").bind(what).execute(admin).await.expect("an advisory lock");
}

async fn unlock(admin: &mut PgConnection, what: &str) {
    sqlx::query("SELECT pg_advisory_unlock(hashtext($1))")
        .bind(what)
        .execute(admin)
        .await
        .expect("an advisory lock given back");
}

async fn exists(admin: &mut PgConnection, question: &'static str, name: &str) -> bool {
    sqlx::query_scalar(question).bind(name).fetch_one(admin).await.expect("looking for a name")
}

async fn connect_as_superuser(database: &str) -> PgConnection {
    PgConnection::connect(&superuser_url(database)).await.expect("connecting to PostgreSQL")
}

async fn statement(connection: &mut PgConnection, sql: String) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(connection).await.expect("an administrator's statement");
}

pub(crate) fn superuser_url(database: &str) -> String {
    url(&environment("TEST_DATABASE_URL"), None, database)
}

pub(crate) fn plain_url(database: &str) -> String {
    url(&environment("TEST_DATABASE_URL"), Some((ROLE, PASSWORD)), database)
}

/// `server` with another database, and with another user if there is one.
fn url(server: &str, user: Option<(&str, &str)>, database: &str) -> String {
    let mut url = reqwest::Url::parse(server).expect("TEST_DATABASE_URL is a URL");
    if let Some((name, password)) = user {
        url.set_username(name).and_then(|()| url.set_password(Some(password))).expect("a URL with a host takes a user");
    }
    url.set_path(database);
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_user_and_database_on_the_same_server() {
        let server = "postgres://postgres:pw@127.0.0.1:5433/postgres?sslmode=disable";
        assert_eq!(url(server, Some(("me", "mine")), "t1"), "postgres://me:mine@127.0.0.1:5433/t1?sslmode=disable");
        assert_eq!(url(server, None, "t1"), "postgres://postgres:pw@127.0.0.1:5433/t1?sslmode=disable");
    }
}
