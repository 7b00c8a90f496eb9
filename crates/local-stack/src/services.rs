//! The services that a stack runs, and the environment of each.

use crate::{
    databases, gate,
    ports::OPS_OFFSET,
    postgres::Postgres,
    products::{self, Product},
    redis::Redis,
    secrets::{Secrets, sha256},
};
use anyhow::Result;
use std::{collections::BTreeMap, path::PathBuf};

/// The platform's own, with their documented ports.
const PLATFORM: [(&str, u16); 6] =
    [("auth", 8001), ("permission", 8002), ("billing", 8003), ("configurator", 8004), ("mailer", 8005), (WORKER, 8006)];
const WORKER: &str = "worker";
/// Names a product's bucket of S3.
const BUCKET: &str = "OBJECTS_BUCKET";
/// With the documents of invoices.
const DOCUMENTS: &str = "sevenleague-billing";
/// Who sells what this stack bills; nobody has this bank account.
const SELLER: [(&str, &str); 10] = [
    ("SELLER_NAME", "Sevenleague on this machine"),
    ("SELLER_ADDRESS", "1 Local Lane"),
    ("SELLER_POSTCODE", "22767"),
    ("SELLER_CITY", "Hamburg"),
    ("SELLER_COUNTRY", "DE"),
    ("SELLER_REGISTRATION", "HRB 0"),
    ("SELLER_EMAIL", "billing@sevenleague.test"),
    ("SELLER_IBAN", "DE89370400440532013000"),
    ("SELLER_VAT_CATEGORY", "O"),
    ("SELLER_VAT_REASON", "Not subject to VAT: nothing is sold on a developer's machine."),
];

/// A process of the stack on top of the infrastructure.
pub struct Service {
    /// Unique; its platform client, and the name of its log.
    pub name: String,
    /// Its package, binary, database and user in Redis.
    pub package: String,
    /// The documented port; that of its ops listener is `OPS_OFFSET` higher.
    pub port: u16,
    /// What only it is told.
    pub own: BTreeMap<String, String>,
    pub kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Platform,
    Product,
    /// The platform's worker with the bundles of one product.
    ProductWorker,
}

/// The platform's own services.
pub fn platform() -> Vec<Service> {
    let service = |(name, port): (&str, u16)| Service {
        name: name.into(),
        package: name.into(),
        port,
        own: BTreeMap::new(),
        kind: Kind::Platform,
    };
    PLATFORM.into_iter().map(service).collect()
}

/// Whether that is one of the platform's own services.
pub fn is_platform(name: &str) -> bool {
    PLATFORM.iter().any(|(service, _)| *service == name)
}

/// Those of the platform, then each product and its worker.
pub fn all() -> Result<Vec<Service>> {
    let mut services = platform();
    for product in products::all()? {
        services.extend(of(&product)?);
    }
    Ok(services)
}

fn of(product: &Product) -> Result<[Service; 2]> {
    let (name, port) = (&product.name, product.start.port);
    let mut own = product.start.env.clone();
    own.insert("BUNDLE_DIR".into(), product.newest_bundle()?.display().to_string());
    let mut workers = BTreeMap::from([("BUNDLES_DIR".into(), product.bundles().display().to_string())]);
    if product.start.objects {
        own.insert(BUCKET.into(), format!("sevenleague-{name}"));
        workers.insert(BUCKET.into(), format!("sevenleague-{name}"));
    }
    Ok([
        Service { name: name.clone(), package: name.clone(), port, own, kind: Kind::Product },
        Service {
            name: format!("{name}-worker"),
            package: WORKER.into(),
            port: port + 1,
            own: workers,
            kind: Kind::ProductWorker,
        },
    ])
}

/// The packages with the binaries of all services, each once.
pub fn packages() -> Result<Vec<String>> {
    Ok(packages_of(&all()?).cloned().collect())
}

fn packages_of(services: &[Service]) -> impl Iterator<Item = &String> {
    services.iter().filter(|service| service.kind != Kind::ProductWorker).map(|service| &service.package)
}

/// What all environments are made of.
pub struct Settings<'a> {
    pub services: Vec<Service>,
    /// By name of the service.
    pub ports: BTreeMap<String, u16>,
    pub postgres: &'a Postgres,
    pub redis: &'a Redis,
    pub aws: &'a BTreeMap<String, String>,
    pub access_token_seconds: u32,
    /// The example page's.
    pub frontend_port: u16,
    /// TXT records, for configurator.
    pub dns_file: PathBuf,
    /// Replicas of Redis that must confirm a revocation.
    pub redis_replicas: u32,
    /// Ports of gates, by their names.
    pub gates: BTreeMap<String, u16>,
}

impl Settings<'_> {
    /// The service of that name, which there is.
    pub fn service(&self, name: &str) -> &Service {
        self.services.iter().find(|service| service.name == name).expect("only names of services are asked for")
    }

    pub fn url(&self, service: &str) -> String {
        format!("http://127.0.0.1:{}", self.ports[service])
    }

    /// Where the example page is, for a browser on the same site as the services are: their cookie goes to no other.
    pub fn frontend_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.frontend_port)
    }

    /// Of the example page and the Swagger UI of all services, and where the development servers of the usual
    /// JavaScript tools listen.
    fn origins(&self) -> String {
        format!("{},{},http://localhost:3000,http://localhost:5173", self.frontend_url(), self.url("auth"))
    }

    pub fn ops_url(&self, service: &str) -> String {
        format!("http://127.0.0.1:{}", self.ports[service] + OPS_OFFSET)
    }

    /// Everything `service` reads from its environment.
    pub fn env(&self, service: &Service, secrets: &mut Secrets) -> Result<BTreeMap<String, String>> {
        let mut env = self.aws.clone();
        env.extend(self.shared(service, secrets)?);
        env.extend(self.own(service, secrets)?);
        env.extend(service.own.clone());
        for (asked, variable) in [(gate::AWS, "AWS_ENDPOINT_URL"), (gate::CONFIGURATOR, "CONFIGURATOR_URL")] {
            if let Some(port) = self.gates.get(&gate::name(&service.name, asked)) {
                env.insert(variable.into(), format!("http://127.0.0.1:{port}"));
            }
        }
        Ok(env)
    }

    fn shared(&self, service: &Service, secrets: &mut Secrets) -> Result<Vec<(String, String)>> {
        let port = self.ports[&service.name];
        let mut env = vec![
            ("LISTEN_ADDR", format!("127.0.0.1:{port}")),
            ("OPS_ADDR", format!("127.0.0.1:{}", port + OPS_OFFSET)),
            ("REDIS_URL", self.redis.url(&service.package)),
            ("REDIS_REPLICAS", self.redis_replicas.to_string()),
            ("AUTH_URL", self.url("auth")),
            ("PERMISSION_URL", self.url("permission")),
            ("TOKEN_ISSUER", self.url("auth")),
            ("TOKEN_AUDIENCE", "sevenleague".into()),
            ("CLIENT_ID", service.name.clone()),
            ("CLIENT_SECRET", secrets.password(&client(&service.name))?),
            ("CORS_ORIGINS", self.origins()),
            // Here everybody comes from one address.
            ("SOURCE_LIMIT_FACTOR", "100".into()),
            ("RESOURCE_PREFIX", "sevenleague".into()),
            ("LOG_FORMAT", "text".into()),
        ];
        if service.kind != Kind::Product {
            env.push(("DATABASE_URL", databases::url(secrets, self.postgres, &service.package)?));
        }
        Ok(env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    fn own(&self, service: &Service, secrets: &mut Secrets) -> Result<Vec<(String, String)>> {
        let env = match service.package.as_str() {
            "auth" => vec![
                ("KEY_ENCRYPTION_KEY", secrets.key("auth/key_encryption_key")?),
                ("PLATFORM_CLIENTS", self.platform_clients(secrets)?),
                ("ACCESS_TOKEN_SECONDS", self.access_token_seconds.to_string()),
                ("PUBLIC_URL", self.url("auth")),
                ("SERVICE_DOCUMENTS", self.documents()),
            ],
            "billing" => [("CONFIGURATOR_URL", self.url("configurator")), ("DOCUMENTS_BUCKET", DOCUMENTS.into())]
                .into_iter()
                .chain(SELLER.map(|(name, value)| (name, value.to_owned())))
                .collect(),
            "configurator" => vec![
                ("SECRET_ENCRYPTION_KEY", secrets.key("configurator/secret_encryption_key")?),
                ("INSTANCE_ADMIN_URL", databases::instance_admin_url(secrets, self.postgres)?),
                ("WORKER_URL", self.url("worker")),
                ("PRODUCT_DOMAINS", self.product_domains()),
                ("INSTANCE_ADDRESSES", self.instance_addresses()),
                ("PLATFORM_DOMAIN", "localhost".into()),
                // A line `<name> <text>` is a TXT record here, for whoever tries a host of another domain.
                ("DNS_TXT_FILE", self.dns_file.display().to_string()),
            ],
            "mailer" => vec![
                ("MAIL_ENCRYPTION_KEY", secrets.key("mailer/mail_encryption_key")?),
                ("MAIL_FROM", "no-reply@sevenleague.test".into()),
            ],
            WORKER => vec![
                ("BILLING_URL", self.url("billing")),
                ("CONFIGURATOR_URL", self.url("configurator")),
                // Whoever watches a job being taken over from a dead worker need not wait long.
                ("JOB_LEASE_SECONDS", "5".into()),
            ],
            _ if service.kind == Kind::Product => vec![("CONFIGURATOR_URL", self.url("configurator"))],
            _ => Vec::new(),
        };
        Ok(env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// `id:<sha256 of the secret>` of each, by which auth knows them.
    fn platform_clients(&self, secrets: &mut Secrets) -> Result<String> {
        let clients: Result<Vec<_>> = self
            .services
            .iter()
            .map(|Service { name, .. }| Ok(format!("{name}:{}", sha256(&secrets.password(&client(name))?))))
            .collect();
        Ok(clients?.join(","))
    }

    /// Below `<product>.localhost` hosts are for the asking.
    fn product_domains(&self) -> String {
        let products = self.services.iter().filter(|service| service.kind == Kind::Product);
        products.map(|product| format!("{}.localhost", product.name)).collect::<Vec<_>>().join(",")
    }

    /// The buckets of billing and of all products, for whoever makes them.
    pub fn buckets(&self) -> String {
        let products = self.services.iter().filter(|service| service.kind == Kind::Product);
        let of_products = products.filter_map(|product| product.own.get(BUCKET).cloned());
        [DOCUMENTS.to_owned()].into_iter().chain(of_products).collect::<Vec<_>>().join(",")
    }

    /// What each service says of itself, for that Swagger UI.
    fn documents(&self) -> String {
        let documented = self.services.iter().filter(|service| service.kind != Kind::ProductWorker);
        documented
            .map(|service| format!("{0}={1}", service.name, self.url(&service.name)))
            .collect::<Vec<_>>()
            .join(",")
    }

    /// A product answers for all its hosts on its own port.
    fn instance_addresses(&self) -> String {
        let products = self.services.iter().filter(|service| service.kind == Kind::Product);
        let address = |name: &String| format!("{name}=http://{{host}}:{}/", self.ports[name]);
        products.map(|product| address(&product.name)).collect::<Vec<_>>().join(",")
    }

    /// By which each product is known as a client.
    pub(crate) fn product_secrets(&self, secrets: &mut Secrets) -> Result<BTreeMap<String, String>> {
        let products = self.services.iter().filter(|service| service.kind == Kind::Product);
        products.map(|service| Ok((service.name.clone(), secrets.password(&client(&service.name))?))).collect()
    }
}

fn client(id: &str) -> String {
    format!("client/{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_is_built_once_and_has_its_own_port() {
        let services = all().unwrap();
        let mut packages = packages().unwrap();
        packages.sort_unstable();
        packages.dedup();
        assert_eq!(packages.len(), packages_of(&services).count());
        let mut ports: Vec<_> = services.iter().flat_map(|service| [service.port, service.port + OPS_OFFSET]).collect();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 2 * services.len());
    }
}
