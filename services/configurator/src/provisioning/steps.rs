//! Statements that make or drop two roles, a database, and who may connect to it. Every step can be done again.

use super::{
    scram,
    server::{InstanceServer, Names, Plan},
};
use common::ambient::Ambient;
use secrecy::{ExposeSecret, SecretString};
use sqlx::{AssertSqlSafe, PgConnection};

/// Connections of the product service to one instance: several processes with a small pool each.
const APP_CONNECTIONS: u32 = 32;
/// Connections of the worker to one instance.
const OWNER_CONNECTIONS: u32 = 8;

/// A connection that holds the instance's lock until it ends: a process that lost its claim but not its connection is
/// still in the way.
pub struct Held(PgConnection);

impl Held {
    /// `None` if another process is at it right now.
    pub async fn take(server: &InstanceServer, names: &Names) -> sqlx::Result<Option<Self>> {
        let mut admin = server.connect().await?;
        let lock = sqlx::query_scalar("SELECT pg_try_advisory_lock(hashtextextended($1, 0))").bind(&names.database);
        let is_ours: bool = lock.fetch_one(&mut admin).await?;
        Ok(is_ours.then_some(Self(admin)))
    }

    /// Makes what `plan` says.
    pub async fn make(&mut self, ambient: &Ambient, plan: &Plan) -> sqlx::Result<()> {
        let Self(admin) = self;
        let Names { database, owner, app } = &plan.names;
        role(admin, ambient, owner, &plan.owner_password, OWNER_CONNECTIONS).await?;
        role(admin, ambient, app, &plan.app_password, APP_CONNECTIONS).await?;
        self::database(admin, database, owner).await?;
        let (database, app) = (identifier(database), identifier(app));
        run(admin, format!("REVOKE ALL ON DATABASE {database} FROM PUBLIC")).await?;
        run(admin, format!("GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {app}")).await
    }

    /// Drops what is there, whoever is connected.
    pub async fn drop_all(&mut self, names: &Names) -> sqlx::Result<()> {
        let Self(admin) = self;
        for name in [&names.owner, &names.app] {
            if exists(admin, ROLE_EXISTS, name).await? {
                // Nobody connects anew, and only a member of a role may end its connections.
                run(admin, format!("ALTER ROLE {} NOLOGIN", identifier(name))).await?;
                run(admin, format!("GRANT {} TO CURRENT_USER", identifier(name))).await?;
            }
        }
        run(admin, format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", identifier(&names.database))).await?;
        run(admin, format!("DROP ROLE IF EXISTS {}, {}", identifier(&names.app), identifier(&names.owner))).await
    }
}

const ROLE_EXISTS: &str = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)";

/// A role that exists gets the same password again: whoever made it may have been stopped before it had one.
async fn role(
    admin: &mut PgConnection,
    ambient: &Ambient,
    name: &str,
    password: &SecretString,
    connections: u32,
) -> sqlx::Result<()> {
    if !exists(admin, ROLE_EXISTS, name).await? {
        run(admin, format!("CREATE ROLE {}", identifier(name))).await?;
    }
    let verifier = literal(&scram::verifier(password.expose_secret(), &ambient.bytes()));
    run(admin, format!("ALTER ROLE {} LOGIN CONNECTION LIMIT {connections} PASSWORD {verifier}", identifier(name)))
        .await
}

/// Only a member of a role can give it a database (<https://www.postgresql.org/docs/current/sql-createdatabase.html>).
/// A copy of template0 has nothing that somebody left in template1, and nobody is ever connected to it.
async fn database(admin: &mut PgConnection, name: &str, owner: &str) -> sqlx::Result<()> {
    run(admin, format!("GRANT {} TO CURRENT_USER", identifier(owner))).await?;
    if exists(admin, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).await? {
        return Ok(());
    }
    run(
        admin,
        format!("CREATE DATABASE {} OWNER {} TEMPLATE template0 STRATEGY wal_log", identifier(name), identifier(owner)),
    )
    .await
}

async fn exists(admin: &mut PgConnection, question: &'static str, name: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar(question).bind(name).fetch_one(admin).await
}

/// These statements take no parameters, hence the quoting below.
async fn run(admin: &mut PgConnection, statement: String) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(admin).await.map(drop)
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_cannot_be_broken_out_of() {
        assert_eq!(identifier(r#"a"; DROP ROLE b"#), r#""a""; DROP ROLE b""#);
        assert_eq!(literal("a'; --"), "'a''; --'");
    }
}
