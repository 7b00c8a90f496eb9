//! The configurator's own settings.

use crate::{
    domains::{policy::Domains, resolver::Source},
    instances::addresses::Addresses,
    provisioning::server::InstanceServer,
    secrets::Sealer,
};
use chrono::TimeDelta;
use common::config::Env;
use secrecy::ExposeSecret;
use std::{net::SocketAddr, path::PathBuf};

/// Enough for a company with a copy of each product in some countries; whoever needs more asks.
const MOST_INSTANCES: u32 = 20;
/// Long enough for a holiday and a colleague who changes DNS.
const EXPIRY_DAYS: u16 = 7;

common::settings! {
    #[derive(Clone)]
    pub struct Settings {
        /// Seals passwords and setup codes.
        pub sealer: Sealer = key("SECRET_ENCRYPTION_KEY") => |key| Sealer::new(&key),
        /// Where instances' databases are made, as a role with CREATEDB and CREATEROLE.
        pub instance_server: InstanceServer = with(instance_server),
        /// Under which names tenants get hosts for the asking, and which are nobody's.
        pub domains: Domains = with(domains),
        /// Addresses of instances by product, where they are not `https://<host>/`: `forum=http://{host}:8010/`,
        /// comma-separated.
        pub addresses: Addresses = or("INSTANCE_ADDRESSES", ""),
        /// Who is asked for DNS records.
        pub dns: Source = with(dns),
        /// Base URL of the worker, which is asked what became of a job.
        pub worker_url: String = url("WORKER_URL"),
        /// Instances that one tenant may have.
        pub most_instances: i64 = between("MAX_INSTANCES_PER_TENANT", MOST_INSTANCES, 1..) => i64::from,
        /// Days after which an instance that nobody finishes is deleted.
        pub expiry: TimeDelta = between("UNFINISHED_INSTANCE_DAYS", EXPIRY_DAYS,
            1..) => |days| TimeDelta::days(days.into()),
    }
}

fn instance_server(env: &mut Env) -> Option<InstanceServer> {
    let url = env.secret("INSTANCE_ADMIN_URL")?;
    InstanceServer::parse(url.expose_secret()).map_err(|fault| env.fault(format!("INSTANCE_ADMIN_URL {fault}"))).ok()
}

fn domains(env: &mut Env) -> Option<Domains> {
    let product = env
        .explain("Domains under which tenants get hosts for the asking, comma-separated.")
        .or::<String>("PRODUCT_DOMAINS", "");
    let platform = env
        .explain("The platform's own domain, below which no tenant has a host.")
        .required::<String>("PLATFORM_DOMAIN");
    Domains::parse(&product?, &platform?).map_err(|fault| env.fault(fault)).ok()
}

fn dns(env: &mut Env) -> Option<Source> {
    let file = env
        .explain("A file of DNS records, instead of name servers: a line `<name> <text>` is a TXT record.")
        .optional::<PathBuf>("DNS_TXT_FILE")?;
    let servers = env
        .explain("Name servers that are asked, instead of the system's: `address:port`, comma-separated.")
        .optional::<String>("DNS_SERVERS")?;
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
        let settings = Settings::read(&mut env);
        let message = env.finish(settings).err().map(|faults| faults.to_string()).unwrap_or_default();
        for fault in [
            "INSTANCE_ADMIN_URL must look like",
            "SECRET_ENCRYPTION_KEY must be 32 bytes",
            "WORKER_URL is missing",
            "PRODUCT_DOMAINS must be a host name",
            "DNS_TXT_FILE and DNS_SERVERS exclude",
            "UNFINISHED_INSTANCE_DAYS must be at least 1",
        ] {
            assert!(message.contains(fault), "{fault} not in {message}");
        }
    }
}
