//! What was this process told by its environment? Read once; every fault is told at once; secrets are never printed.

use crate::{source::TrustedProxies, telemetry::LogFormat};
use secrecy::SecretString;
use std::{collections::HashMap, fmt, net::SocketAddr, str::FromStr};

/// The environment while it is being read, with the faults found so far.
pub struct Env {
    variables: HashMap<String, String>,
    faults: Vec<String>,
}

/// Everything that is wrong with the environment.
#[derive(Debug, thiserror::Error)]
pub struct Faults(Vec<String>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the environment is not complete:")?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl Env {
    pub fn from_process() -> Self {
        Self::new(std::env::vars())
    }

    /// Reads from given variables; an empty value counts as absent.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { variables: variables.into_iter().filter(|(_, value)| !value.is_empty()).collect(), faults: Vec::new() }
    }

    /// A value that must be there.
    pub fn required<T: FromStr<Err: fmt::Display>>(&mut self, name: &str) -> Option<T> {
        if !self.variables.contains_key(name) {
            self.faults.push(format!("{name} is missing"));
        }
        self.optional(name)?
    }

    /// A value, or `default` where it is absent.
    pub fn or<T: FromStr<Err: fmt::Display>>(&mut self, name: &str, default: T) -> Option<T> {
        self.optional(name).map(|value| value.unwrap_or(default))
    }

    /// A value that may be absent; the outer `None` is a fault.
    pub fn optional<T: FromStr<Err: fmt::Display>>(&mut self, name: &str) -> Option<Option<T>> {
        let Some(text) = self.variables.get(name) else { return Some(None) };
        text.parse().map(Some).map_err(|fault: T::Err| self.faults.push(format!("{name}: {fault}"))).ok()
    }

    /// A value that must be there and never shows in logs or messages.
    pub fn secret(&mut self, name: &str) -> Option<SecretString> {
        self.required::<String>(name).map(SecretString::from)
    }

    /// A secret of exactly `N` bytes, written in base64.
    pub fn key<const N: usize>(&mut self, name: &str) -> Option<[u8; N]> {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let text = self.required::<String>(name)?;
        let key = STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        if key.is_none() {
            self.fault(format!("{name} must be {N} bytes in base64"));
        }
        key
    }

    /// Notes what a service's own rule finds wrong.
    pub fn fault(&mut self, fault: String) {
        self.faults.push(fault);
    }

    /// The finished configuration, or every fault at once.
    pub fn finish<C>(self, config: Option<C>) -> Result<C, Faults> {
        match config {
            Some(config) if self.faults.is_empty() => Ok(config),
            _ => Err(Faults(self.faults)),
        }
    }
}

/// The settings that every service has.
#[derive(Clone, Debug)]
pub struct Base {
    pub service: &'static str,
    pub listen_addr: SocketAddr,
    pub ops_addr: SocketAddr,
    pub redis_url: SecretString,
    pub redis_prefix: String,
    /// Replicas that must confirm a revocation before it is answered.
    pub redis_replicas: u32,
    pub auth_url: String,
    pub permission_url: String,
    pub token_issuer: String,
    pub token_audience: String,
    pub client_id: String,
    pub client_secret: SecretString,
    pub cors_origins: Vec<String>,
    pub trusted_proxies: TrustedProxies,
    /// Limits per source are this many times as high: for a place where many people share one address, such as a developer's machine.
    pub source_limit_factor: u32,
    pub resource_prefix: String,
    pub aws_account_id: String,
    pub log_format: LogFormat,
    /// Directives of `tracing_subscriber::EnvFilter`: `info,sqlx=warn`.
    pub log_filter: String,
}

/// The settings of a service's own database.
#[derive(Clone, Debug)]
pub struct Database {
    pub url: SecretString,
    pub max_connections: u32,
}

impl Base {
    /// Reads the common variables for `service`, whose documented port is `port`; the ops listener's is 1000 higher.
    pub fn read(env: &mut Env, service: &'static str, port: u16) -> Option<Self> {
        let listen_addr = env.or("LISTEN_ADDR", SocketAddr::from(([0, 0, 0, 0], port)));
        let ops_addr = env.or("OPS_ADDR", SocketAddr::from(([0, 0, 0, 0], port + 1000)));
        let redis_url = env.secret("REDIS_URL");
        let redis_prefix = env.or("REDIS_PREFIX", String::new());
        let redis_replicas = env.or("REDIS_REPLICAS", 0);
        let auth_url = url(env, "AUTH_URL");
        let permission_url = url(env, "PERMISSION_URL");
        let token_issuer = env.required("TOKEN_ISSUER");
        let token_audience = env.or("TOKEN_AUDIENCE", "sevenleague".to_owned());
        let client_id = env.or("CLIENT_ID", service.to_owned());
        let client_secret = env.secret("CLIENT_SECRET");
        let origins = env.or("CORS_ORIGINS", String::new());
        let trusted_proxies = env.or("TRUSTED_PROXIES", TrustedProxies::default());
        let source_limit_factor = env.or("SOURCE_LIMIT_FACTOR", 1);
        let resource_prefix = env.or("RESOURCE_PREFIX", "sevenleague".to_owned());
        let aws_account_id = env.required("AWS_ACCOUNT_ID");
        let log_format = env.or("LOG_FORMAT", LogFormat::Json);
        let log_filter = env.or("RUST_LOG", "info".to_owned());
        let _region: Option<String> = env.required("AWS_REGION");
        Some(Self {
            service,
            listen_addr: listen_addr?,
            ops_addr: ops_addr?,
            redis_url: redis_url?,
            redis_prefix: redis_prefix?,
            redis_replicas: redis_replicas?,
            auth_url: auth_url?,
            permission_url: permission_url?,
            token_issuer: token_issuer?,
            token_audience: token_audience?,
            client_id: client_id?,
            client_secret: client_secret?,
            cors_origins: origins?
                .split(',')
                .map(str::trim)
                .filter(|origin| !origin.is_empty())
                .map(str::to_owned)
                .collect(),
            trusted_proxies: trusted_proxies?,
            source_limit_factor: source_limit_factor?.max(1),
            resource_prefix: resource_prefix?,
            aws_account_id: aws_account_id?,
            log_format: log_format?,
            log_filter: log_filter?,
        })
    }
}

impl Database {
    pub fn read(env: &mut Env) -> Option<Self> {
        let url = env.secret("DATABASE_URL");
        let max_connections = env.or("DATABASE_MAX_CONNECTIONS", 10);
        Some(Self { url: url?, max_connections: max_connections? })
    }
}

/// An absolute http(s) URL without a trailing slash.
pub fn url(env: &mut Env, name: &str) -> Option<String> {
    let text = env.required::<String>(name)?;
    let sound = reqwest::Url::parse(&text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if !sound {
        env.fault(format!("{name} must be an absolute http or https URL"));
    }
    sound.then(|| text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_told_at_once() {
        let mut env = Env::new([("OPS_ADDR".into(), "nowhere".into()), ("AUTH_URL".into(), "ftp://x".into())]);
        let base = Base::read(&mut env, "billing", 8003);
        let message = env.finish(base).unwrap_err().to_string();
        for name in [
            "OPS_ADDR: ",
            "AUTH_URL must be",
            "REDIS_URL is missing",
            "CLIENT_SECRET is missing",
            "AWS_REGION is missing",
        ] {
            assert!(message.contains(name), "{name} not in {message}");
        }
    }
}
