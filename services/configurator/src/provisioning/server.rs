//! The PostgreSQL server on which databases and roles are made, by a role with CREATEDB and CREATEROLE that is no
//! superuser.

use contracts::id::InstanceId;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use sqlx::{ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use std::sync::Arc;

/// The server of instances' databases; cheap to clone. Its URL is a secret and shows nowhere.
#[derive(Clone)]
pub struct InstanceServer {
    url: Arc<SecretString>,
    options: PgConnectOptions,
}

/// What the database and the roles of an instance are called. Only made of ids, so nobody else's name can be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    pub database: String,
    /// Owns the database; migrates and seeds it.
    pub owner: String,
    /// What the product service works with.
    pub app: String,
}

/// What is to be made.
pub struct Plan {
    pub names: Names,
    pub owner_password: SecretString,
    pub app_password: SecretString,
}

impl From<InstanceId> for Names {
    fn from(id: InstanceId) -> Self {
        let database = format!("i_{}", id.0.simple());
        Self { owner: format!("{database}_owner"), app: format!("{database}_app"), database }
    }
}

impl InstanceServer {
    /// Reads a `postgres://` URL; the fault completes a sentence that begins with its name.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let url = Url::parse(text).map_err(|_| "must be a URL")?;
        if !matches!(url.scheme(), "postgres" | "postgresql") || !url.has_host() || url.path().len() < 2 {
            return Err("must look like postgres://role:password@host:5432/database");
        }
        if url.query_pairs().any(|(name, _)| !name.starts_with("ssl")) {
            return Err("may have only parameters about TLS, as instances' URLs are made of it");
        }
        // Statements carry what is made of passwords.
        let options = text
            .parse::<PgConnectOptions>()
            .map_err(|_| "cannot be read as a PostgreSQL URL")?
            .disable_statement_logging();
        Ok(Self { url: Arc::new(text.into()), options })
    }

    pub(super) async fn connect(&self) -> sqlx::Result<PgConnection> {
        PgConnection::connect_with(&self.options).await
    }

    /// The URL under which `role` reaches `database` on this server.
    pub fn url(&self, role: &str, password: &SecretString, database: &str) -> String {
        let mut url = Url::parse(self.url.expose_secret()).expect("the URL was parsed at start");
        let set = url.set_username(role).and_then(|()| url.set_password(Some(password.expose_secret())));
        set.expect("a URL with a host takes a user");
        url.set_path(database);
        url.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_urls_point_to_the_same_server() {
        let server = InstanceServer::parse("postgres://admin:pw@db.internal:6543/postgres?sslmode=require").unwrap();
        let url = server.url("i_1_app", &"geh_eim-".into(), "i_1");
        assert_eq!(url, "postgres://i_1_app:geh_eim-@db.internal:6543/i_1?sslmode=require");
    }

    #[test]
    fn what_cannot_be_reached_by_others_is_refused() {
        for text in ["", "mysql://h/d", "postgres://h", "postgres:///d?host=/run", "postgres://h/d?user=x"] {
            assert!(InstanceServer::parse(text).is_err(), "{text}");
        }
    }
}
