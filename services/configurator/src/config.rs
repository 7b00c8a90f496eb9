//! What was this process told by its environment?

use crate::{
    domains::{policy::Domains, resolver::Source},
    provisioning::server::InstanceServer,
    secrets::Sealer,
};
use chrono::TimeDelta;
use common::config::{Base, Database, Env, url};
use secrecy::ExposeSecret;
use std::{net::SocketAddr, path::PathBuf};

/// Documented local port; the ops listener's is 1000 higher.
pub const PORT: u16 = 8004;
/// Enough for a company with a copy of each product in some countries; whoever needs more asks.
const MOST_INSTANCES: u32 = 20;
/// Long enough for a holiday and a colleague who changes DNS.
const EXPIRY_DAYS: u16 = 7;

#[derive(Clone)]
pub struct Config {
    pub base: Base,
    pub database: Database,
    /// Seals passwords and setup codes (`SECRET_ENCRYPTION_KEY`, 32 bytes in base64).
    pub sealer: Sealer,
    /// Where instances' databases are made (`INSTANCE_ADMIN_URL`, of a role with CREATEDB and CREATEROLE).
    pub instance_server: InstanceServer,
    /// Under which names tenants get hosts for the asking, and which are nobody's (`PRODUCT_DOMAINS`, comma-separated, and `PLATFORM_DOMAIN`).
    pub domains: Domains,
    /// Who is asked for DNS records: the system's name servers, those of `DNS_SERVERS` (comma-separated `address:port`), or the file `DNS_TXT_FILE`.
    pub dns: Source,
    /// Who is asked what became of a job (`WORKER_URL`).
    pub worker_url: String,
    /// Instances that one tenant may have (`MAX_INSTANCES_PER_TENANT`).
    pub most_instances: i64,
    /// An instance that nobody finishes is deleted after this time (`UNFINISHED_INSTANCE_DAYS`).
    pub expiry: TimeDelta,
}

impl Config {
    pub fn read(env: &mut Env) -> Option<Self> {
        let base = Base::read(env, crate::NAME, PORT);
        let database = Database::read(env);
        let sealer = env.key("SECRET_ENCRYPTION_KEY").map(|key| Sealer::new(&key));
        let instance_server = instance_server(env);
        let domains = domains(env);
        let dns = dns(env);
        let worker_url = url(env, "WORKER_URL");
        let most_instances = env.or("MAX_INSTANCES_PER_TENANT", MOST_INSTANCES);
        let expiry_days = env.or("UNFINISHED_INSTANCE_DAYS", EXPIRY_DAYS);
        if expiry_days == Some(0) {
            env.fault("UNFINISHED_INSTANCE_DAYS must be at least 1".into());
        }
        Some(Self {
            base: base?,
            database: database?,
            sealer: sealer?,
            instance_server: instance_server?,
            domains: domains?,
            dns: dns?,
            worker_url: worker_url?,
            most_instances: most_instances?.into(),
            expiry: TimeDelta::days(expiry_days?.into()),
        })
    }
}

fn instance_server(env: &mut Env) -> Option<InstanceServer> {
    let url = env.secret("INSTANCE_ADMIN_URL")?;
    InstanceServer::parse(url.expose_secret()).map_err(|fault| env.fault(format!("INSTANCE_ADMIN_URL {fault}"))).ok()
}

fn domains(env: &mut Env) -> Option<Domains> {
    let (product, platform) = (env.required::<String>("PRODUCT_DOMAINS"), env.required::<String>("PLATFORM_DOMAIN"));
    Domains::parse(&product?, &platform?).map_err(|fault| env.fault(fault)).ok()
}

fn dns(env: &mut Env) -> Option<Source> {
    let (file, servers) = (env.optional::<PathBuf>("DNS_TXT_FILE")?, env.optional::<String>("DNS_SERVERS")?);
    let addresses =
        |text: String| text.split(',').map(|server| server.trim().parse()).collect::<Result<Vec<SocketAddr>, _>>();
    let source = match (file, servers) {
        (Some(_), Some(_)) => Err("DNS_TXT_FILE and DNS_SERVERS exclude each other"),
        (Some(file), None) => Ok(Source::File(file)),
        (None, Some(servers)) => {
            addresses(servers).map(Source::Servers).map_err(|_| "DNS_SERVERS must be addresses such as 10.0.0.2:53")
        }
        (None, None) => Ok(Source::System),
    };
    source.map_err(|fault| env.fault(fault.into())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_faults_are_told_with_the_others() {
        let mut env = Env::new(
            [
                ("INSTANCE_ADMIN_URL", "mysql://h/d"),
                ("SECRET_ENCRYPTION_KEY", "short"),
                ("PRODUCT_DOMAINS", "forum"),
                ("PLATFORM_DOMAIN", "example.com"),
                ("DNS_TXT_FILE", "/tmp/dns-txt"),
                ("DNS_SERVERS", "127.0.0.1:53"),
                ("UNFINISHED_INSTANCE_DAYS", "0"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let config = Config::read(&mut env);
        let message = env.finish(config).err().map(|faults| faults.to_string()).unwrap_or_default();
        for fault in [
            "INSTANCE_ADMIN_URL must look like",
            "SECRET_ENCRYPTION_KEY must be 32 bytes",
            "DATABASE_URL is missing",
            "WORKER_URL is missing",
            "PRODUCT_DOMAINS must be a host name",
            "DNS_TXT_FILE and DNS_SERVERS exclude",
            "UNFINISHED_INSTANCE_DAYS must be at least 1",
        ] {
            assert!(message.contains(fault), "{fault} not in {message}");
        }
    }
}
