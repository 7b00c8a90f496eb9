//! Databases and roles: one of each per service, and a role for making those of instances.

use crate::{postgres::Postgres, secrets::Secrets};
use anyhow::Result;
use std::fmt::Write;

/// The role with which configurator makes databases and roles; no superuser.
const INSTANCE_ADMIN: &str = "instance_admin";

/// What a service needs to log in to its own database.
pub fn url(secrets: &mut Secrets, postgres: &Postgres, service: &str) -> Result<String> {
    Ok(role_url(postgres, service, &secrets.password(&format!("database/{service}"))?, service))
}

pub fn instance_admin_url(secrets: &mut Secrets, postgres: &Postgres) -> Result<String> {
    Ok(role_url(postgres, INSTANCE_ADMIN, &secrets.password(&format!("database/{INSTANCE_ADMIN}"))?, "postgres"))
}

fn role_url(postgres: &Postgres, role: &str, password: &str, database: &str) -> String {
    format!("postgres://{role}:{password}@127.0.0.1:{}/{database}", postgres.port())
}

/// Makes what is not there yet for the services of these names, and sets the passwords to the ones we know.
pub async fn create(
    secrets: &mut Secrets,
    postgres: &Postgres,
    services: impl IntoIterator<Item = String>,
) -> Result<()> {
    let mut script =
        role_sql(INSTANCE_ADMIN, "CREATEDB CREATEROLE", &secrets.password(&format!("database/{INSTANCE_ADMIN}"))?);
    // Whoever is let in by default could read the names of all databases and fill the disk with temporary tables.
    let _ = writeln!(
        script,
        "REVOKE ALL ON DATABASE postgres, template1
         FROM PUBLIC; GRANT CONNECT ON DATABASE postgres TO {INSTANCE_ADMIN};"
    );
    for package in services {
        script += &role_sql(&package, "", &secrets.password(&format!("database/{package}"))?);
        script += &database_sql(&package);
    }
    postgres.run("postgres", &script).await
}

fn role_sql(role: &str, rights: &str, password: &str) -> String {
    format!(
        "SELECT 'CREATE ROLE {role} LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') \\gexec\n\
         ALTER ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '{password}';\n{}",
        if rights.is_empty() { String::new() } else { format!("ALTER ROLE {role} {rights};\n") }
    )
}

fn database_sql(service: &str) -> String {
    format!(
        "SELECT 'CREATE DATABASE {service} OWNER {service}' WHERE NOT EXISTS (SELECT FROM pg_database
         WHERE datname = '{service}') \\gexec\n\
         REVOKE ALL ON DATABASE {service} FROM PUBLIC;\n"
    )
}
