//! Which services are there, and with which environment does each run?

use crate::{data, databases, ports::OPS_OFFSET, postgres::Postgres, redis::Redis, secrets::Secrets, secrets::sha256};
use anyhow::Result;
use std::{collections::BTreeMap, path::PathBuf};

/// One folder a version of a product: `<service>/<version>`.
const BUNDLES: &str = "examples/bundles";

/// A process of the stack on top of the infrastructure.
pub struct Service {
    /// Unique; names its log.
    pub name: &'static str,
    /// Its package, binary, database and platform client.
    pub package: &'static str,
    /// The documented port; that of its ops listener is `OPS_OFFSET` higher.
    pub port: u16,
    pub has_database: bool,
}

const fn platform(name: &'static str, port: u16) -> Service {
    Service { name, package: name, port, has_database: true }
}

/// Two workers, since what one leaves undone the other must take over.
pub static SERVICES: [Service; 8] = [
    platform("auth", 8001),
    platform("permission", 8002),
    platform("billing", 8003),
    platform("configurator", 8004),
    platform("mailer", 8005),
    platform("worker", 8006),
    Service { name: "worker-2", package: "worker", port: 8007, has_database: true },
    Service { name: "forum", package: "forum", port: 8010, has_database: false },
];

/// The service of that name, which the table has.
pub fn find(name: &str) -> &'static Service {
    SERVICES.iter().find(|service| service.name == name).expect("only names in the table are asked for")
}

/// The packages, each once.
pub fn packages() -> Vec<&'static str> {
    SERVICES.iter().filter(|service| service.name == service.package).map(|service| service.package).collect()
}

pub fn with_database() -> Vec<&'static str> {
    SERVICES
        .iter()
        .filter(|service| service.has_database && service.name == service.package)
        .map(|service| service.package)
        .collect()
}

/// What all environments are made of.
pub struct Settings<'a> {
    pub ports: BTreeMap<&'static str, u16>,
    pub postgres: &'a Postgres,
    pub redis: &'a Redis,
    pub aws: &'a BTreeMap<String, String>,
    pub access_token_seconds: u32,
    /// TXT records, for configurator.
    pub dns_file: PathBuf,
    /// Replicas of Redis that must confirm a revocation.
    pub redis_replicas: u32,
}

impl Settings<'_> {
    pub fn url(&self, service: &str) -> String {
        format!("http://127.0.0.1:{}", self.ports[service])
    }

    pub fn ops_url(&self, service: &str) -> String {
        format!("http://127.0.0.1:{}", self.ports[service] + OPS_OFFSET)
    }

    /// Everything `service` reads from its environment.
    pub fn env(&self, service: &Service, secrets: &mut Secrets) -> Result<BTreeMap<String, String>> {
        let mut env = self.aws.clone();
        env.extend(self.shared(service, secrets)?);
        env.extend(self.own(service, secrets)?);
        Ok(env)
    }

    fn shared(&self, service: &Service, secrets: &mut Secrets) -> Result<Vec<(String, String)>> {
        let port = self.ports[service.name];
        let mut env = vec![
            ("LISTEN_ADDR", format!("127.0.0.1:{port}")),
            ("OPS_ADDR", format!("127.0.0.1:{}", port + OPS_OFFSET)),
            ("REDIS_URL", self.redis.url(service.package)),
            ("REDIS_REPLICAS", self.redis_replicas.to_string()),
            ("AUTH_URL", self.url("auth")),
            ("PERMISSION_URL", self.url("permission")),
            ("TOKEN_ISSUER", self.url("auth")),
            ("TOKEN_AUDIENCE", "sevenleague".into()),
            ("CLIENT_ID", service.package.to_owned()),
            ("CLIENT_SECRET", secrets.password(&client(service.package))?),
            // Where the development servers of the usual JavaScript tools listen.
            ("CORS_ORIGINS", "http://localhost:3000,http://localhost:5173".into()),
            // Here everybody comes from one address.
            ("SOURCE_LIMIT_FACTOR", "100".into()),
            ("RESOURCE_PREFIX", "sevenleague".into()),
            ("LOG_FORMAT", "text".into()),
        ];
        if service.has_database {
            env.push(("DATABASE_URL", databases::url(secrets, self.postgres, service.package)?));
        }
        Ok(env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    fn own(&self, service: &Service, secrets: &mut Secrets) -> Result<Vec<(String, String)>> {
        let env = match service.package {
            "auth" => vec![
                ("KEY_ENCRYPTION_KEY", secrets.key("auth/key_encryption_key")?),
                ("PLATFORM_CLIENTS", platform_clients(secrets)?),
                ("ACCESS_TOKEN_SECONDS", self.access_token_seconds.to_string()),
                ("PUBLIC_URL", self.url("auth")),
            ],
            "configurator" => vec![
                ("SECRET_ENCRYPTION_KEY", secrets.key("configurator/secret_encryption_key")?),
                ("INSTANCE_ADMIN_URL", databases::instance_admin_url(secrets, self.postgres)?),
                ("WORKER_URL", self.url("worker")),
                ("PRODUCT_DOMAINS", "forum.localhost".into()),
                ("PLATFORM_DOMAIN", "localhost".into()),
                // A line `<name> <text>` is a TXT record here, for whoever tries a host of another domain.
                ("DNS_TXT_FILE", self.dns_file.display().to_string()),
            ],
            "mailer" => vec![
                ("MAIL_ENCRYPTION_KEY", secrets.key("mailer/mail_encryption_key")?),
                ("MAIL_FROM", "no-reply@sevenleague.test".into()),
            ],
            "worker" => vec![
                ("CONFIGURATOR_URL", self.url("configurator")),
                ("BUNDLES_DIR", data::checkout().join(BUNDLES).display().to_string()),
                // Whoever watches a job being taken over from a dead worker need not wait long.
                ("JOB_LEASE_SECONDS", "5".into()),
            ],
            "forum" => {
                let bundle = data::checkout().join(BUNDLES).join("forum/1.0.0").display().to_string();
                vec![("CONFIGURATOR_URL", self.url("configurator")), ("BUNDLE_DIR", bundle)]
            }
            _ => Vec::new(),
        };
        Ok(env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

fn client(id: &str) -> String {
    format!("client/{id}")
}

/// `id:<sha256 of the secret>` of each, by which auth knows them.
fn platform_clients(secrets: &mut Secrets) -> Result<String> {
    let clients: Result<Vec<_>> =
        packages().into_iter().map(|id| Ok(format!("{id}:{}", sha256(&secrets.password(&client(id))?)))).collect();
    Ok(clients?.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_is_built_once_and_has_its_own_port() {
        assert_eq!(packages(), ["auth", "permission", "billing", "configurator", "mailer", "worker", "forum"]);
        let mut ports: Vec<_> = SERVICES.iter().flat_map(|service| [service.port, service.port + OPS_OFFSET]).collect();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 2 * SERVICES.len());
    }
}
